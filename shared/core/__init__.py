"""Decides what happens to an upload. Pure: values in, values out."""
