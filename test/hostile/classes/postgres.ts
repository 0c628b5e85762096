import { existsSync } from 'node:fs'
import { type Attack, type AttackClass, harmful } from '../attack.ts'
import type { Tenant } from '../cast.ts'
import { byKeys, byQueues, driversHost, fillVictim, victimOf } from '../drivers.ts'
import { judgeAnswer } from '../judge.ts'
import { serverLacks } from '../servers.ts'

/** Statements that lead out of the app's own schema. VICTIM is the schema, and the user, of another app. */
const STATEMENTS = [
  `SELECT a FROM "VICTIM".canary`, `SET search_path TO "VICTIM"; SELECT a FROM canary`, `TABLE "VICTIM".canary`, `COPY "VICTIM".canary TO STDOUT`, `SELECT query_to_xml('SELECT * FROM "VICTIM".canary', true, true, '')`, `DO $$ BEGIN EXECUTE 'UPDATE "VICTIM".canary SET a = 1'; END $$`, `DROP SCHEMA "VICTIM" CASCADE`, `LOCK TABLE "VICTIM".canary`, `GRANT ALL ON SCHEMA "VICTIM" TO PUBLIC`,
  `SELECT * FROM public.unmoor_kv`, `UPDATE public.unmoor_kv SET value = 'x'`, `TRUNCATE public.unmoor_kv`, `SELECT * FROM unmoor_messages`, `DELETE FROM public.unmoor_messages`, `CREATE TABLE public.mine (a TEXT)`, `CREATE SCHEMA mine`, `CREATE TEMP TABLE unmoor_kv (a TEXT)`,
  `SET ROLE "VICTIM"`, `SET SESSION AUTHORIZATION "VICTIM"`, `SET SESSION AUTHORIZATION postgres`, `RESET ROLE`, `CREATE ROLE boss SUPERUSER`, `ALTER ROLE CURRENT_USER SUPERUSER`, `ALTER ROLE "VICTIM" PASSWORD 'x'`, `ALTER ROLE CURRENT_USER CONNECTION LIMIT -1`, `GRANT "VICTIM" TO CURRENT_USER`, `DROP ROLE "VICTIM"`,
  `SELECT rolpassword FROM pg_authid`, `SELECT passwd FROM pg_shadow`, `SELECT query FROM pg_stat_activity`, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> CURRENT_USER`, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename <> CURRENT_USER`, `SELECT current_setting('data_directory')`, `SELECT * FROM pg_hba_file_rules`, `SELECT * FROM pg_stats`,
  `COPY (SELECT 1) TO '/tmp/ESCAPED'`, `COPY (SELECT 1) TO PROGRAM 'touch /tmp/ESCAPED'`, `SELECT pg_read_file('/etc/passwd')`, `SELECT pg_read_binary_file('/etc/passwd')`, `SELECT pg_ls_dir('.')`, `SELECT lo_import('/etc/passwd')`, `SELECT lo_export(1, '/tmp/ESCAPED')`, `CREATE EXTENSION dblink`, `CREATE EXTENSION file_fdw`, `LOAD 'plpgsql'`, `CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'`, `CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw`,
  `CREATE DATABASE mine`, `DROP DATABASE postgres`, `ALTER SYSTEM SET max_connections = 1`, `ALTER DATABASE postgres SET search_path = 'mine'`, `SELECT pg_reload_conf()`, `CHECKPOINT`, `SET statement_timeout = 0`, `LISTEN unmoor`, `NOTIFY unmoor, 'x'`, `SELECT pg_try_advisory_lock(1)`, `SELECT set_config('role', 'postgres', false)`, `SELECT pg_sleep(2)`,
] // prettier-ignore

const tenant: Tenant = { build: 'lab', limits: { cpuMs: 5000, wallTimeout: 20 } }

/** Every way to have a statement run; answers are cut, as some tables are long. */
const RUN = `const out = []
  for (const work of [() => env.db.all(text), () => env.db.run(text), () => env.db.batch([{ text, params: [] }])]) out.push(await Promise.race([work().then((value) => JSON.stringify(value).slice(0, 20000), (error) => error.message), new Promise((resolve) => setTimeout(resolve, 500, 'goes on'))]))
  return out`

/** Apps that share a Postgres. */
export const postgres: AttackClass = {
  name: 'postgres',
  promise: 'On a Postgres that apps share, an app reaches its own schema, and the rows of its own name.',
  tenant,
  others: { [victimOf('postgres')]: tenant },
  perApp: 31,
  parallel: 4,
  host: driversHost,
  lacks: () => serverLacks('postgres'),
  prepare: (world) =>
    fillVictim(
      world,
      'postgres',
      `await env.kv.put('canary', CANARY); await env.files.put('canary', CANARY); await env.db.run('CREATE TABLE canary (a TEXT)'); await env.db.run('INSERT INTO canary VALUES (?)', [CANARY])`,
    ),
  attacks: [
    ...STATEMENTS.map((statement): Attack => ({
      name: statement,
      async run(world, app) {
        // Names of other apps are no secret in Postgres.
        const answer = await world.code(
          app,
          `const [{ nspname }] = await env.db.all("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'unmoor_postgres-victim%'"); const text = ${JSON.stringify(statement)}.replaceAll('VICTIM', nspname); ${RUN}`,
        )
        if (existsSync('/tmp/ESCAPED')) return harmful('a file was written')
        if (/root:x:0|SCRAM-SHA-256\$|"md5[0-9a-f]{32}/.test(answer.text))
          return harmful(`what is the server's alone: ${answer.text.slice(0, 200)}`)
        const rows = await world.lab.run(
          victimOf('postgres'),
          `return [(await env.db.all('SELECT a FROM canary')).length, typeof (await env.kv.get('canary'))]`,
        )
        if (JSON.stringify(rows) !== '[1,"string"]') return harmful(`the victim has ${JSON.stringify(rows)}`)
        return judgeAnswer(app, answer)
      },
    })),
    ...byKeys('postgres', 'kv'),
    ...byKeys('postgres', 'files'),
    ...byQueues('postgres'),
  ],
  hole: {
    is: 'the name of the app is no part of a row',
    file: 'adapters/drivers/postgres/kv.js',
    from: 'this.store = `${context.app}/${context.binding}`;',
    to: 'this.store = context.binding;',
    attacks: ['kv: a key that is the victim’s own key', 'kv: a key that is a pattern of LIKE'],
    why: /the answer has|the victim's/,
    // The neighbour's kv is there too.
    alone: true,
  },
}
