"""The demonstration: the main job on real input, against an emulated Dataverse.

`roster` makes the mentors, `portal_side` is HLF's half of the custom action, `story` does the job and gives the
account, `cli` is the command.
"""
