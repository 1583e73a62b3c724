"""The whole engine against a simulated world: time, network, disk, people and crashes, all from one seed."""
