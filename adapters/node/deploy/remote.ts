/**
 * Functions that run on the server, by its own Node: ssh carries their source. Each uses nothing but its
 * argument and what it imports itself.
 */

/** What a server has of an app. */
export interface ServerState {
  /** Version of the server's Node, such as `v26.10.0`. */
  readonly node: string
  /** Name of the release that `current` leads to, or null. */
  readonly current: string | null
  /** Names of the releases, the oldest first. */
  readonly releases: readonly string[]
  /** Names of the variables in the env file, or null if there is no such file. */
  readonly variables: readonly string[] | null
  /** Names of the migrations that the current release has, by sql binding. */
  readonly migrations: Readonly<Record<string, readonly string[]>>
}

export async function readServer(given: { path: string; envFile: string }): Promise<ServerState> {
  const { readdir, readFile, readlink } = await import('node:fs/promises')
  const { basename } = await import('node:path')
  const { parseEnv } = await import('node:util')
  const none = (): null => null
  const link = await readlink(`${given.path}/current`).catch(none)
  const names = (await readdir(`${given.path}/releases`).catch(none)) ?? []
  const env = await readFile(given.envFile, 'utf8').catch(none)
  const info = await readFile(`${given.path}/current/unmoor.json`, 'utf8').catch(none)
  const { migrations = {} } = JSON.parse(info ?? '{}') as {
    migrations?: Record<string, readonly { name: string }[]>
  }
  return {
    node: process.version,
    current: link === null ? null : basename(link),
    releases: names.filter((name) => /^\d{8}T\d{6}Z-[0-9a-f]+$/.test(name)).sort(),
    variables: env === null ? null : Object.keys(parseEnv(env)),
    migrations: Object.fromEntries(
      Object.entries(migrations).map(([binding, list]) => [binding, list.map(({ name }) => name)]),
    ),
  }
}

/** Starts a release on a free port, sends it the requests, and stops it. @throws what went wrong. */
export async function tryRelease(given: {
  path: string
  release: string
  envFile: string
  requests: readonly { path: string; status: number | null }[]
  seconds: number
}): Promise<string> {
  const { spawn } = await import('node:child_process')
  const child = spawn(process.execPath, [`--env-file-if-exists=${given.envFile}`, 'server.mjs'], {
    cwd: `${given.path}/releases/${given.release}`,
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', ADMIN_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const timer = setTimeout(() => child.kill('SIGKILL'), given.seconds * 1000)
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  try {
    const url = await new Promise<string>((resolve, reject) => {
      const read = (text: string): void => {
        output += text
        const found = / listens on (http:\S+)/.exec(output)
        if (found !== null) resolve(found[1] as string)
      }
      child.stdout.setEncoding('utf8').on('data', read)
      child.stderr.setEncoding('utf8').on('data', read)
      child.on('error', reject)
      child.on('close', () => reject(new Error('The new release did not start.')))
    })
    for (const { path, status } of given.requests) {
      const answer = await fetch(new URL(path, url), { redirect: 'manual' })
      await answer.body?.cancel()
      if (status === null ? answer.status >= 500 : answer.status !== status)
        throw new Error(`GET ${path} answered ${answer.status}, not ${status ?? 'below 500'}.`)
    }
    return url
  } catch (error) {
    const said = output.trim().split('\n').slice(-5).join(' | ')
    throw new Error(`${(error as Error).message} The release said: ${said || 'nothing'}`, { cause: error })
  } finally {
    child.kill()
    await ended
    clearTimeout(timer)
  }
}

/**
 * Leads `current` to a release by one rename, restarts the service, and waits until a process that was not
 * there before is ready. Without a release, `current` is removed. @throws what went wrong.
 */
export async function switchRelease(given: {
  path: string
  release: string | null
  restart: string
  ready: string
  seconds: number
}): Promise<void> {
  const { execFile } = await import('node:child_process')
  const { rename, rm, symlink } = await import('node:fs/promises')
  const ask = async (url: string): Promise<string | undefined> => {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
    const text = await answer?.text().catch(() => undefined)
    return answer?.ok === true ? text : undefined
  }
  // A restart may return before the old process has ended, which then still answers.
  const startOf = async (): Promise<string | undefined> =>
    /^process_start_time_seconds (\S+)$/m.exec(
      (await ask(String(new URL('/metrics', given.ready)))) ?? '',
    )?.[1]
  const before = await startOf()
  const link = `${given.path}/current`
  await rm(`${link}.new`, { force: true })
  if (given.release === null) await rm(link, { force: true })
  else {
    await symlink(`releases/${given.release}`, `${link}.new`)
    await rename(`${link}.new`, link)
  }
  await new Promise<void>((resolve, reject) => {
    execFile('sh', ['-c', given.restart], { cwd: given.path }, (error, stdout, stderr) => {
      const said = `${stdout}${stderr}`.trim().split('\n').slice(-5).join(' | ')
      if (error === null) resolve()
      else
        reject(
          new Error(
            `"${given.restart}" failed (${error.code ?? error.signal}): ${said || 'it said nothing'}`,
          ),
        )
    })
  })
  if (given.release === null) return
  const end = Date.now() + given.seconds * 1000
  for (;;) {
    const isReady = (await ask(given.ready)) !== undefined
    const now = isReady ? await startOf() : undefined
    if (now !== undefined && now !== before) return
    if (Date.now() >= end)
      throw new Error(
        isReady
          ? `${given.ready} is still answered by the process from before: "${given.restart}" restarts ` +
              `nothing.`
          : `${given.ready} did not answer 200 within ${given.seconds} s.`,
      )
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

/** Asks `ready` once a second. @throws after three failures in a row, or if the last one fails. */
export async function watchReady(given: { ready: string; seconds: number }): Promise<void> {
  const end = Date.now() + given.seconds * 1000
  let failures = 0
  for (;;) {
    const isLast = Date.now() + 1000 >= end
    const answer = await fetch(given.ready, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
    await answer?.body?.cancel()
    failures = answer?.ok === true ? 0 : failures + 1
    if (failures === 3 || (failures > 0 && isLast)) throw new Error(`${given.ready} does not answer 200.`)
    if (isLast) return
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
}

/** Removes the oldest releases beyond `keep`, but never the current one nor `before`. Returns their names. */
export async function removeReleases(given: {
  path: string
  keep: number
  before: string | null
}): Promise<readonly string[]> {
  const { readdir, readlink, rm } = await import('node:fs/promises')
  const { basename } = await import('node:path')
  const current = basename(await readlink(`${given.path}/current`))
  const names = (await readdir(`${given.path}/releases`)).filter((name) => /^\d{8}T\d{6}Z-/.test(name)).sort()
  const old = names.slice(0, -given.keep).filter((name) => name !== current && name !== given.before)
  for (const name of old) await rm(`${given.path}/releases/${name}`, { recursive: true, force: true })
  return old
}
