"""Clients that stay on their server because a cookie says so."""

from wproxy.policy.cookies.persistence import ABSENT, Keeper, Persistence, Presented

__all__ = ["ABSENT", "Keeper", "Persistence", "Presented"]
