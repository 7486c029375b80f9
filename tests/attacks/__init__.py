"""Attacks on the running stack, with nothing but what an attacker has.

A sender has a signature that writes, reads tags and finds by them, and reads no content. A visitor has HTTP. A
neighbour on the machine has its ports. Each test is one attack, and its name is the promise that holds.
docs/SECURITY.md says what stops each of them, and which others are shown in smaller tests.
"""
