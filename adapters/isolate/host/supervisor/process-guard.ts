import { chown, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'

/** What keeps a child process of a host apart from the rest of the machine. */
export interface GuardOptions {
  /**
   * User that child processes run as, by name or number; the host is started as root then. Default: the
   * host's own.
   */
  user?: string | number
  /** Group, by name or number. Default: the user's. */
  group?: string | number
  /**
   * If true, child processes run under Node's permission model: they write to their data only, start no
   * processes and no threads. Default: false.
   */
  permission?: boolean
  /**
   * Command that starts each child process, such as `["setpriv", "--no-new-privs"]`; node and its arguments
   * come after it. Default: none.
   */
  wrapper?: readonly string[]
  /**
   * If true, the process of one app gets a memory cgroup below the host's own, where one can be made. Without
   * it the supervisor looks at that process four times a second. Default: true.
   */
  cgroup?: boolean
}

/** A guard with its names looked up. */
export interface Guard {
  readonly uid: number | undefined
  readonly gid: number | undefined
  readonly permission: boolean
  readonly wrapper: readonly string[]
  readonly cgroup: boolean
}

/**
 * Looks names up. @throws `InvalidArgument` for a user or group that there is not, or options that are none.
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
 * Makes the folders that children write to, and gives them to their user: the apps' data, and what is shared
 * while the host runs. What else the data folder holds (the admin token, usage, deploys) stays the host's.
 */
export async function prepareFolders({ uid, gid }: Guard, dataDir: string, runDir: string): Promise<void> {
  const apps = join(dataDir, 'apps')
  await mkdir(apps, { recursive: true })
  if (uid === undefined || gid === undefined) return
  await Promise.all([apps, runDir].map((folder) => chown(folder, uid, gid)))
}

/**
 * Flags of node for a child. Reading stays free: apps' artifacts lie anywhere, and the machine's own
 * permissions hold.
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
