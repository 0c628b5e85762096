import { chown, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'

/** Isolation of a host's child processes from the rest of the machine. */
export interface GuardOptions {
  /**
   * User that child processes run as, by name or number; the host must then be started as root. Default: the
   * host's own user.
   */
  user?: string | number
  /** Group that child processes run as, by name or number. Default: the user's group. */
  group?: string | number
  /**
   * If true, child processes run under Node's permission model: they write only to their data, and start no
   * processes or threads. Default: false.
   */
  permission?: boolean
  /**
   * Command that starts each child process, such as `["setpriv", "--no-new-privs"]`; node and its arguments
   * come after it. Default: none.
   */
  wrapper?: readonly string[]
  /**
   * If true, a process that serves one app gets a memory cgroup below the host's own, if one can be created.
   * Otherwise the supervisor polls that process's memory four times a second. Default: true.
   */
  cgroup?: boolean
}

/**
 * Settings that isolate child processes from the machine, with defaults filled in, and users and groups as
 * numeric ids.
 */
export interface Guard {
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly permission: boolean
  readonly wrapper: readonly string[]
  readonly cgroup: boolean
}

/**
 * Resolves the child processes' guard options of a config.
 *
 * @throws `InvalidArgument` for an unknown user or group, or invalid options.
 */
export async function resolveGuard(given: GuardOptions | undefined): Promise<Guard> {
  const { user, group, permission = false, wrapper = [], cgroup = true, ...rest } = given ?? {}
  const [unknown] = Object.keys(rest)
  if (unknown !== undefined)
    throw refuse(
      `guard.${unknown}: there is no such field. Fields: user, group, permission, wrapper, cgroup.`,
    )
  if (typeof permission !== 'boolean') throw refuse('guard.permission takes true or false.')
  if (typeof cgroup !== 'boolean') throw refuse('guard.cgroup takes true or false.')
  if (!Array.isArray(wrapper) || !wrapper.every((part) => typeof part === 'string' && part !== ''))
    throw refuse('guard.wrapper takes a command and its arguments as a list.')
  if (group !== undefined && user === undefined) throw refuse('guard.group goes with guard.user.')
  if (user === undefined) return { uid: undefined, gid: undefined, permission, wrapper, cgroup }
  if (process.getuid?.() !== 0)
    throw refuse(
      'guard.user needs a host that is started as root: only root can run processes as somebody else.',
    )
  const entry = await find('/etc/passwd', user)
  if (entry === undefined && typeof user === 'string')
    throw refuse(`guard.user: there is no user "${user}" in /etc/passwd.`)
  const uid = Number(entry?.[2] ?? user)
  const found = group === undefined ? undefined : await find('/etc/group', group)
  if (group !== undefined && found === undefined && typeof group === 'string')
    throw refuse(`guard.group: there is no group "${group}" in /etc/group.`)
  const gid = group === undefined ? Number(entry?.[3] ?? uid) : Number(found?.[2] ?? group)
  if (!Number.isInteger(uid) || uid < 0 || !Number.isInteger(gid) || gid < 0)
    throw refuse('guard.user and guard.group take names or numbers from 0.')
  return { uid, gid, permission, wrapper, cgroup }
}

async function find(file: string, wanted: string | number): Promise<string[] | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const entries = text.split('\n').map((line) => line.split(':'))
  return entries.find(([name, , id]) =>
    typeof wanted === 'number' ? id === String(wanted) : name === wanted,
  )
}

function refuse(message: string): UnmoorError {
  return new UnmoorError('InvalidArgument', message, { operation: 'config' })
}

/**
 * Creates the folders that child processes write to, and changes their owner to the children's user: the
 * apps' data, and the shared run folder. The rest of the data folder (the admin token, usage, deploys) stays
 * the host's.
 */
export async function prepareFolders({ uid, gid }: Guard, dataDir: string, runDir: string): Promise<void> {
  const apps = join(dataDir, 'apps')
  await mkdir(apps, { recursive: true })
  if (uid === undefined || gid === undefined) return
  await Promise.all([apps, runDir].map((folder) => chown(folder, uid, gid)))
}

/**
 * Returns Node's permission flags for a child process. Reading is unrestricted: artifacts may lie anywhere,
 * and the file permissions of the machine still apply.
 */
export function permissionFlags({ permission }: Guard, dataDir: string, runDir: string): string[] {
  if (!permission) return []
  const write = [join(dataDir, 'apps'), runDir].map((folder) => `--allow-fs-write=${folder}/*`)
  return [
    '--permission',
    '--allow-fs-read=*',
    ...write,
    '--allow-addons',
    '--allow-net',
    '--disable-warning=SecurityWarning',
  ]
}
