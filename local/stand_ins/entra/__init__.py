"""Stands in for Entra in the embedded stack: a published OpenID provider (npm `oidc-provider`), over TLS.

    provider.mjs    the provider, its sign-in page, and /_entra, by which tests and people change how it behaves
    certificate     a certificate authority that lives as long as the stack
    stand_in        starts the provider
    people          the people who can sign in there

Unlike Entra it has no conditional access, only a few of the error numbers, no guests of another tenant, and no refresh
tokens that stay valid for some time after their rotation.
"""
