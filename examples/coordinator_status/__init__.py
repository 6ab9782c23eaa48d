"""Mentors' status for those who may see it: coordinators, administrators, mentors themselves.

The rule is the database's (`supabase/migrations/20261125170000_mentoring.sql`). `repository` asks it, or judges itself
where it cannot be asked; `status` is that judgement, as pure functions; `here` shows both on a database of its own.
"""
