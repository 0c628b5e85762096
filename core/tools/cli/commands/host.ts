import { InvalidArgumentError, type Command } from 'commander'
import { resolve } from 'node:path'
import type { InspectedApp } from '../../../../adapters/isolate/host/index.ts'
import { explainMissingPackage } from '../../build/packages.ts'
import { usageError } from '../exit.ts'
import { options, parsePort } from '../options.ts'
import { createReporter } from '../reporter.ts'
import { onStop } from '../signals.ts'

interface Options {
  config?: string
  port?: number
  host?: string
  sharePort?: true
  processes?: number
  dataDir?: string
  adminPort?: number
  adminHost?: string
  inspect?: InspectedApp[]
  reporter: 'text' | 'json'
}

const DEFAULT_ADMIN_PORT = 8788

/** Registers the command `unmoor host`. */
export function register(program: Command): void {
  const command = program
    .command('host')
    .description('serve many built apps, each in an isolate of its own, in a few processes that share a port')
    .argument(
      '[dir]',
      'a folder of artifacts (DIR/NAME, or DIR/NAME/.unmoor/isolate), made by: unmoor build --target ' +
        'isolate; without one the host waits for deploys',
    )
    .option('--config <file>', 'apps, routes, variables and limits: JSON, or the default export of a module')
    .option('-p, --port <number>', 'TCP port; 0 takes a free one (default: 8787)', whole)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option(
      '--share-port',
      'listen beside another host on the same port, to take over from it: start the new one, then stop ' +
        'the old',
    )
    .option('--processes <number>', 'child processes (default: one per core)', whole)
    .option('--data-dir <path>', "folder of the apps' data and of what is deployed (default: .unmoor/host)")
    .option(
      '--admin-port <number>',
      'port of deploys, /metrics and usage; the token is the variable UNMOOR_HOST_TOKEN (default: none; ' +
        '8788 without a folder and a config)',
      whole,
    )
    .option('--admin-host <address>', 'address of the admin port (default: 127.0.0.1)')
    .option(
      '--inspect <app[:port]>',
      'let a debugger in to an app, on that port of 127.0.0.1 (default: 9229), in a process without ' +
        'limits and walls: for development only; may be repeated',
      inspectedApps,
    )
    .addOption(options.reporter())
    .action(host)
  command
    .command('take-over <app>')
    .description(
      'make a host the owner of the objects of an app, where the host that owned them will not come back: ' +
        'what it has stored is not taken along',
    )
    .option('--host <url>', "the new owner's admin port (default: the variable UNMOOR_HOST_URL)")
    .option('--token <token>', 'its admin token (default: the variable UNMOOR_HOST_TOKEN)')
    .action(takeOver)
}

async function takeOver(app: string, _: object, command: Command): Promise<void> {
  // The parent command `unmoor host` has an option `--host` too. If `--host` precedes the subcommand's
  // argument, commander assigns it to the parent, so the options of both are read.
  const { host: url = process.env['UNMOOR_HOST_URL'], token = process.env['UNMOOR_HOST_TOKEN'] ?? '' } =
    command.optsWithGlobals<{ host?: string; token?: string }>()
  if (url === undefined || !URL.canParse(url))
    throw usageError("Name the new owner's admin port: --host http://127.0.0.1:8788, or UNMOOR_HOST_URL.")
  if (token === '') throw usageError("Give the host's admin token: --token TOKEN, or UNMOOR_HOST_TOKEN.")
  const { DeployClient } = await import('../../../../adapters/isolate/host/admin/client.ts')
  await new DeployClient({ url, token }).takeOver(app)
  createReporter('text').print(`The host at ${url} owns the objects of ${app} from now on.`)
}

function inspectedApps(text: string, before: readonly InspectedApp[] = []): InspectedApp[] {
  const [app = '', port, ...rest] = text.split(':')
  if (app === '' || rest.length > 0)
    throw new InvalidArgumentError(
      'It takes the name of an app and, if need be, a port: --inspect shop:9230.',
    )
  return [...before, { app, port: port === undefined ? undefined : parsePort(port) }]
}

function whole(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('It takes a whole number.')
  return Number(text)
}

async function host(dir: string | undefined, given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  const { startHost } = await import('../../../../adapters/isolate/host/index.ts').catch((error: unknown) => {
    throw explainMissingPackage(error, 'The host')
  })
  const { port, processes, dataDir, adminHost, sharePort } = given
  // An `unmoor host` with no apps to serve waits for deploys, so its admin port is on by default.
  const adminPort =
    given.adminPort ?? (dir === undefined && given.config === undefined ? DEFAULT_ADMIN_PORT : undefined)
  const asked = Promise.withResolvers<void>()
  const release = onStop(() => {
    report.info('Stopping ... (again: at once)')
    asked.resolve()
  })
  const started = performance.now()
  try {
    const running = await report.step('Starting the host', () =>
      startHost({
        dir,
        config: given.config,
        overrides: {
          ...(port === undefined ? {} : { port }),
          ...(given.host === undefined ? {} : { host: given.host }),
          ...(sharePort === undefined ? {} : { sharePort }),
          ...(processes === undefined ? {} : { processes }),
          ...(dataDir === undefined ? {} : { dataDir: resolve(dataDir) }),
        },
        adminPort,
        adminHost,
        inspect: given.inspect,
      }),
    )
    report.print(
      `${running.apps.length} apps on ${running.runtime}, ${running.pids.length} processes: ` +
        `${running.url} (Ctrl-C stops it)`,
    )
    if (running.adminUrl !== undefined)
      report.print(
        `admin: ${running.adminUrl}, token: ${running.tokenFrom} (deploy with: unmoor deploy --host ` +
          `${running.adminUrl})`,
      )
    report.result({
      url: running.url,
      adminUrl: running.adminUrl,
      apps: running.apps,
      runtime: running.runtime,
      pids: running.pids,
      startMs: Math.round(performance.now() - started),
    })
    const reload = (): void => void running.reload()
    // SIGHUP reloads the host's TLS certificates. Without HTTPS the signal keeps its default action, which
    // ends the process.
    if ([running.url, running.adminUrl].some((url) => url?.startsWith('https:'))) process.on('SIGHUP', reload)
    await asked.promise
    await running.stop()
    process.off('SIGHUP', reload)
  } finally {
    release()
  }
}
