-- A STAND-IN for the extension supabase_vault, which no package registry has. Names, columns, defaults, signatures and
-- grants are those of its version 0.3; the encryption is not: pgcrypto with a key that lies in the database, where the
-- extension encrypts with libsodium and a key that the server holds outside of it.

create schema vault;

create table vault.stand_in_key as select encode(extensions.gen_random_bytes(32), 'hex') as key;

create function vault._crypto_aead_det_noncegen() returns bytea
language sql set search_path = ''
as $$ select extensions.gen_random_bytes(16) $$;

create function vault._crypto_aead_det_encrypt(
    message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium', nonce bytea default null
) returns bytea
language sql security definer set search_path = ''
as $$
    select extensions.pgp_sym_encrypt_bytea(message, held.key || encode(additional || nonce, 'hex'))
    from vault.stand_in_key as held
$$;

create function vault._crypto_aead_det_decrypt(
    message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium', nonce bytea default null
) returns bytea
language sql security definer set search_path = ''
as $$
    select extensions.pgp_sym_decrypt_bytea(message, held.key || encode(additional || nonce, 'hex'))
    from vault.stand_in_key as held
$$;

create table vault.secrets (
    id uuid primary key default gen_random_uuid(),
    name text,
    description text not null default '',
    secret text not null,
    key_id uuid,
    nonce bytea default vault._crypto_aead_det_noncegen(),
    created_at timestamptz not null default current_timestamp,
    updated_at timestamptz not null default current_timestamp
);
create unique index on vault.secrets (name) where name is not null;

create view vault.decrypted_secrets as
select
    id,
    name,
    description,
    secret,
    convert_from(
        vault._crypto_aead_det_decrypt(decode(secret, 'base64'), convert_to(id::text, 'utf8'), 0, 'pgsodium', nonce),
        'utf8'
    ) as decrypted_secret,
    key_id,
    nonce,
    created_at,
    updated_at
from vault.secrets;

create function vault.create_secret(
    new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null
) returns uuid
language plpgsql security definer set search_path = ''
as $$
declare
    id uuid := gen_random_uuid();
    nonce bytea := vault._crypto_aead_det_noncegen();
    hidden bytea := vault._crypto_aead_det_encrypt(
        convert_to(new_secret, 'utf8'), convert_to(id::text, 'utf8'), 0, 'pgsodium', nonce
    );
begin
    insert into vault.secrets (id, name, description, secret, nonce)
    values (id, new_name, new_description, encode(hidden, 'base64'), nonce);
    return id;
end
$$;

create function vault.update_secret(
    secret_id uuid,
    new_secret text default null,
    new_name text default null,
    new_description text default null,
    new_key_id uuid default null
) returns void
language sql security definer set search_path = ''
as $$
    update vault.secrets as kept
    set
        secret = coalesce(
            encode(
                vault._crypto_aead_det_encrypt(
                    convert_to(new_secret, 'utf8'), convert_to(kept.id::text, 'utf8'), 0, 'pgsodium', kept.nonce
                ),
                'base64'
            ),
            kept.secret
        ),
        name = coalesce(new_name, kept.name),
        description = coalesce(new_description, kept.description),
        updated_at = now()
    where kept.id = secret_id
$$;

-- As Supabase grants it: to those who set secrets up, to the service role, and to nobody else: the schema is closed.
grant usage on schema vault to postgres with grant option;
grant select, delete, truncate, references on vault.secrets, vault.decrypted_secrets to postgres with grant option;
grant execute on function vault.create_secret, vault.update_secret, vault._crypto_aead_det_decrypt to postgres
with grant option;
grant usage on schema vault to service_role;
grant select, delete on vault.secrets, vault.decrypted_secrets to service_role;
grant execute on function vault.create_secret, vault.update_secret, vault._crypto_aead_det_decrypt to service_role;
