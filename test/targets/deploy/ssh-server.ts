import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'

const SSHD = ['/usr/sbin/sshd', '/usr/bin/sshd'].find((path) => existsSync(path))

/** True if this machine has an SSH server to start. */
export const hasSshd = SSHD !== undefined

/** A real sshd on loopback, with keys of its own. `config` is a file for `ssh -F`, where it is `box`. */
export async function startSshd(dir: string): Promise<AsyncDisposable & { config: string }> {
  for (const name of ['host', 'client'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name)])
  // OpenSSH as root wants this folder for its unprivileged part.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true })
  for (;;) {
    const port = await freePort()
    await writeFile(
      join(dir, 'sshd_config'),
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${join(dir, 'host')}`,
        `AuthorizedKeysFile ${join(dir, 'client.pub')}`,
        `PidFile ${join(dir, 'sshd.pid')}`,
        'StrictModes no',
        'UsePAM no',
        'PasswordAuthentication no',
        'PermitRootLogin prohibit-password',
        '',
      ].join('\n'),
    )
    const key = readFileSync(join(dir, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
    await writeFile(join(dir, 'known_hosts'), `[127.0.0.1]:${port} ${key}\n`)
    const config = join(dir, 'ssh_config')
    await writeFile(
      config,
      [
        'Host box',
        '  HostName 127.0.0.1',
        `  Port ${port}`,
        `  User ${userInfo().username}`,
        `  IdentityFile ${join(dir, 'client')}`,
        '  IdentitiesOnly yes',
        `  UserKnownHostsFile ${join(dir, 'known_hosts')}`,
        '  StrictHostKeyChecking yes',
        '',
      ].join('\n'),
    )
    const child = spawn(SSHD as string, ['-D', '-e', '-f', join(dir, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
    const listens = new Promise<void>((resolve) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('Server listening')) resolve()
      })
    })
    await Promise.race([listens, ended])
    if (child.exitCode !== null) {
      // Another process took the port in between.
      if (said.includes('Address already in use')) continue
      throw new Error(`sshd did not start: ${said}`)
    }
    return {
      config,
      async [Symbol.asyncDispose]() {
        child.kill()
        await ended
      },
    }
  }
}

async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

/**
 * The service manager of the test's server: it runs `server.mjs` of `current`, and restarts it when it is asked
 * to. Its ports stay the same, as those of a service do.
 */
export class Service implements AsyncDisposable {
  /** What the next restart does in place of its work. */
  fault: 'fail' | 'nothing' | undefined
  url = ''
  admin = ''
  /** Command that restarts the service. */
  restart = ''
  readonly #path: string
  #child: { process: ChildProcess; ended: Promise<void> } | undefined
  #to = { url: '', admin: '' }
  readonly #servers: Server[] = []

  constructor(path: string) {
    this.#path = path
  }

  static async start(path: string): Promise<Service> {
    const service = new Service(path)
    const listen = async (handle: (from: IncomingMessage, to: ServerResponse) => void): Promise<string> => {
      const server = createServer(handle)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      service.#servers.push(server)
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    }
    service.url = await listen((from, to) => forward(service.#to.url, from, to))
    service.admin = await listen((from, to) => forward(service.#to.admin, from, to))
    const control = await listen((_from, to) => {
      void service.#restart().then(
        () => to.end(),
        (error: unknown) => to.writeHead(500).end(String(error)),
      )
    })
    const script = `fetch('${control}').then(async (a) => { if (!a.ok) { console.error(await a.text()); process.exit(3) } })`
    service.restart = `${process.execPath} -e "${script}"`
    return service
  }

  async #restart(): Promise<void> {
    const { fault } = this
    this.fault = undefined
    if (fault === 'nothing') return
    await this.#stop()
    if (fault === 'fail') throw new Error('the planted fault of a restart')
    const child = spawn(process.execPath, [`--env-file=${this.#path}/env`, 'server.mjs'], {
      cwd: join(this.#path, 'current'),
      env: { ...process.env, PORT: '0', ADMIN_PORT: '0', LIVE: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      this.#to = {
        url: / listens on (http:\S+)/.exec(said)?.[1] ?? '',
        admin: / admin port on (http:\S+)/.exec(said)?.[1] ?? '',
      }
    })
    this.#child = { process: child, ended: new Promise((resolve) => child.on('close', () => resolve())) }
  }

  async #stop(): Promise<void> {
    this.#to = { url: '', admin: '' }
    this.#child?.process.kill()
    await this.#child?.ended
    this.#child = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop()
    for (const server of this.#servers) {
      server.closeAllConnections()
      server.close()
    }
  }
}

function forward(origin: string, from: IncomingMessage, to: ServerResponse): void {
  if (origin === '') {
    to.writeHead(502).end('no process')
    return
  }
  const { host } = new URL(origin)
  const call = request(
    new URL(from.url ?? '/', origin),
    { method: from.method, headers: { ...from.headers, host } },
    (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(to)
    },
  )
  call.on('error', () => to.headersSent || to.writeHead(502).end())
  from.pipe(call)
}
