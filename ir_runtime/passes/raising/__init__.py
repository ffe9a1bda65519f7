"""Raising: functions that a model writes out in torch's operators become one IR op each.

It works before autograd, where a graph has few forms and shows its casts.
"""
