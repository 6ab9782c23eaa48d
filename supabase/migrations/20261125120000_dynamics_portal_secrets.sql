-- What VaultCredentialProvider of the Python package `dynamics_portal` calls: the named secrets of Supabase Vault.
--
-- The schema `vault` stays closed to the Data API; this function is the one way in, for the service role alone. It
-- runs with the rights of its owner, `postgres`, which may read Vault on Supabase, so whoever may call it may read any
-- secret whose name they know: the grants below are the lock.
--
-- Apply it in one transaction (`supabase db push`, or `psql --single-transaction`): Supabase grants new functions in
-- `public` to everybody, until the revoke below takes that back. It may be applied again at any time.

create or replace function public.dynamics_portal_secrets(secret_names text[])
returns table (name text, secret text)
language plpgsql
stable
security definer
set search_path = '' -- so that nothing of the caller's is found in the place of what is meant
as $$
begin
    if pg_catalog.cardinality(secret_names) > 10 then -- a provider asks for three; nobody lists a vault through this
        raise exception 'at most 10 secrets may be asked for at once' using errcode = 'invalid_parameter_value';
    end if;
    return query
        select kept.name, kept.decrypted_secret
        from vault.decrypted_secrets as kept
        where kept.name operator(pg_catalog.=) any (secret_names);
end;
$$;

comment on function public.dynamics_portal_secrets(text[]) is
    'The secrets of Vault with these names, for the service role only. Called by dynamics_portal to log in to Dynamics.';

revoke all on function public.dynamics_portal_secrets(text[]) from public, anon, authenticated;
grant execute on function public.dynamics_portal_secrets(text[]) to service_role;
