import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { freePort } from '../../../adapters/lambda/local/services/free-port.ts'

/** Programs that the registry and its engine need, which are not here. */
export function missingPrograms(): string[] {
  const lacks = (program: string): boolean => spawnSync('which', [program]).status !== 0
  const missing = ['dockerd', 'docker', 'docker-registry'].filter(lacks)
  return process.getuid?.() === 0 ? missing : [...missing, 'root']
}

/**
 * A real registry (docker-registry) under the name of an ECR host, and a Docker engine of the test that finds it
 * there by a proxy. Like ECR it wants a log-in.
 */
export class ImageRegistry implements AsyncDisposable {
  /** Password that the registry takes; the name is AWS. */
  password = ''
  /** Answers to pushes with 500 while true. */
  isBroken = false
  readonly #host: string
  readonly #dir: string
  readonly #children: { child: ChildProcess; ended: Promise<void> }[] = []
  #proxy: Server | undefined
  #registry = 0

  constructor(dir: string, host: string) {
    this.#dir = dir
    this.#host = host
  }

  /** Starts the registry and the engine. `dir` gets what they store. */
  static async start(dir: string, host: string): Promise<ImageRegistry> {
    const registry = new ImageRegistry(dir, host)
    registry.#registry = await freePort()
    const config = join(dir, 'registry.yml')
    await writeFile(
      config,
      [
        'version: 0.1',
        'log: { level: error }',
        `storage: { filesystem: { rootdirectory: ${join(dir, 'registry')} } }`,
        `http: { addr: "127.0.0.1:${registry.#registry}" }`,
        '',
      ].join('\n'),
    )
    registry.#start('docker-registry', ['serve', config], {})
    const proxy = createServer((from, to) => registry.#forward(from, to))
    // The engine asks for TLS first, and goes on without it where the registry is named as insecure.
    proxy.on('connect', (_request, socket) => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'))
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    registry.#proxy = proxy
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    await mkdir(join(dir, 'config'))
    registry.#start(
      'dockerd',
      [
        '--bridge=none',
        '--iptables=false',
        `--insecure-registry=${host}`,
        `--host=${registry.env['DOCKER_HOST']}`,
        `--data-root=${join(dir, 'data')}`,
        `--exec-root=${join(dir, 'exec')}`,
        `--pidfile=${join(dir, 'pid')}`,
      ],
      { HTTP_PROXY: address, HTTPS_PROXY: address, NO_PROXY: '' },
    )
    await registry.#answers()
    return registry
  }

  /** Environment of commands that use the engine. */
  get env(): Record<string, string> {
    return { DOCKER_HOST: `unix://${join(this.#dir, 'sock')}`, DOCKER_CONFIG: join(this.#dir, 'config') }
  }

  /** Tags of a repository. */
  async tags(name: string): Promise<string[]> {
    const answer = await fetch(`http://127.0.0.1:${this.#registry}/v2/${name}/tags/list`)
    return ((await answer.json()) as { tags?: string[] }).tags ?? []
  }

  /** True if the registry has an image of that digest. */
  async has(name: string, digest: string): Promise<boolean> {
    const accept = 'application/vnd.docker.distribution.manifest.v2+json'
    const url = `http://127.0.0.1:${this.#registry}/v2/${name}/manifests/${digest}`
    const answer = await fetch(url, { method: 'HEAD', headers: { accept } })
    return answer.ok
  }

  #start(program: string, args: string[], env: Record<string, string>): void {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'ignore' })
    this.#children.push({ child, ended: new Promise((resolve) => child.on('close', () => resolve())) })
  }

  async #answers(): Promise<void> {
    for (;;) {
      const docker = spawnSync('docker', ['version'], { env: { ...process.env, ...this.env } })
      const registry = await fetch(`http://127.0.0.1:${this.#registry}/v2/`).catch(() => undefined)
      if (docker.status === 0 && registry?.ok === true) return
      if (this.#children.some(({ child }) => child.exitCode !== null))
        throw new Error('The registry or its Docker engine ended at its start.')
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  #forward(from: IncomingMessage, to: ServerResponse): void {
    const url = new URL(from.url ?? '/', `http://${this.#host}`)
    const given = from.headers.authorization
    if (given !== `Basic ${Buffer.from(`AWS:${this.password}`).toString('base64')}`) {
      to.writeHead(401, { 'www-authenticate': 'Basic realm="ecr"' }).end()
      return
    }
    if (this.isBroken && from.method !== 'GET' && from.method !== 'HEAD') {
      to.writeHead(500).end()
      from.resume()
      return
    }
    const options = { port: this.#registry, path: `${url.pathname}${url.search}`, method: from.method }
    const call = request(
      { host: '127.0.0.1', ...options, headers: { ...from.headers, host: this.#host } },
      (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(to)
      },
    )
    call.on('error', () => to.headersSent || to.writeHead(502).end())
    from.pipe(call)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child, ended } of this.#children.toReversed()) {
      child.kill()
      await ended
    }
    this.#proxy?.closeAllConnections()
    this.#proxy?.close()
    // What the engine leaves mounted would keep the folder.
    spawnSync('umount', ['-l', join(this.#dir, 'exec/netns/default')])
  }
}
