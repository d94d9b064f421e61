"""Decisions, pure: from facts to a plan, without asking anybody anything."""
