"""Stands in for Entra in the embedded stack: an OpenID provider that others wrote (npm `oidc-provider`), over TLS.

    provider.mjs    the provider, its sign-in page, and /_entra, by which tests and people turn it
    certificate     a certificate authority that lives as long as the stack
    stand_in        starts the provider
    people          who can sign in there

What it does not have of Entra: conditional access, most of its error numbers, guests of another tenant, and refresh
tokens that outlive their rotation for some time.
"""
