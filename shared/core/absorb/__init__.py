"""Absorb what was seen: an entry and the result of an action become the next entry.

`absorb` chooses the function by the action. The functions are in `arriving`, `queueing`, `resolving`, `opening`,
`sending`, `searching`, `reading_back` and `closing`; the effect of the same action is in the module of the same name in
`shared/app/effects`. What several of them have in common is in `postponing` (nothing was done, try again later) and
`sent_bytes` (the file landed, or may have landed). How an upload ends is in `shared/core/endings`.

There is one function for each action, with one case for each observation that the action can lead to. Every `match`
ends in `assert_never`: an observation that is not handled is a type error, never a surprise in production.
`transitions` says where each of them leads, and why the phases are as they are.
"""
