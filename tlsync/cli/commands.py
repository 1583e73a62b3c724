"""All commands by their purpose, each in a few words: so that a list of them, or their completion, loads none."""

from __future__ import annotations

SECTIONS = {
    "Set up": {
        "init": "Ask for key, folders and index, and write the settings.",
        "auth": "Keep the API key, remove it, or see where it comes from.",
        "doctor": "Check the whole setup, and say how to mend what is wrong.",
        "service": "Have the system run tlsync in the background.",
        "demo": "Try everything with three clips, without a key.",
    },
    "Sync": {
        "run": "Watch the folders, and sync what appears, until stopped.",
        "sync": "Upload, index and enrich what is new, once.",
        "plan": "Show what a sync would do, how long, and what it costs.",
        "pause": "Hold back all work with the platform.",
        "resume": "End a pause.",
        "bandwidth": "Show the bandwidth in force, or set another for a while.",
        "retry": "Try failed files again.",
    },
    "Look": {
        "status": "Say what tlsync does, what is left, and what is wrong.",
        "ls": "List the known files with their states, or the tree.",
        "show": "Show a file's state, ids, sidecar and history.",
        "why": "Say why a file is in its state, and what to do about it.",
        "history": "Tell what happened to the files lately.",
        "usage": "Show what was sent and ordered, and what it cost.",
    },
    "Understand": {
        "search": "Find moments by what is seen, heard or said.",
        "analyze": "Ask about a clip that is searchable.",
        "entity": "Teach the platform people and things by pictures.",
        "cat": "Print files of the tree.",
        "mirror": "Write the tree into a folder, as small files and links.",
        "mount": "Show the tree as a folder that can only be read.",
        "unmount": "End such mounts, or list them.",
    },
    "Upkeep": {
        "verify": "Compare files, catalog, sidecars and platform.",
        "rebuild": "Make a new catalog; nothing is sent for it.",
        "forget": "Forget files that are gone on purpose, or were moved.",
        "notify": "Show and test hooks, webhook and notices.",
        "completion": "Print the completion script for a shell.",
        "man": "Show the man page of tlsync or of a command.",
    },
    "Platform": {
        "remote": "List what is on the platform, and delete there.",
        "api": "Call any method of the platform's API.",
        "sandbox": "Serve a local stand-in of the platform, without a key.",
    },
}
"""In the order of `--help`. Each command is named `command` in the module of `tlsync.cli` that has its name."""

COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}
