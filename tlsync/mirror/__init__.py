"""The index as a file tree: one tree, seen through commands, plain files, a mount, or Python."""
