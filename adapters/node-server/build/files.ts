import type { BuildContext, InstalledPackage } from '../../../core/adapter.ts'

/** Base image of the Dockerfiles that builds write: glibc, Node and little else. */
export const NODE_IMAGE = 'node:26-slim'

/** Health check command of the Dockerfile: exits with 0 if the process answers on its admin port. */
const HEALTH =
  'fetch(`http://127.0.0.1:${process.env.ADMIN_PORT}/livez`)' +
  '.then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))'

/** Flags and dependencies with which an artifact's `server.mjs` is run. */
export interface ServerFiles {
  /** Node's command line flags for running `server.mjs`. Default: none. */
  flags?: readonly string[]
  /** Packages that the bundle leaves out, with their versions; the image installs them. Default: none. */
  dependencies?: Readonly<Record<string, string>> | undefined
}

/** Converts packages to the `dependencies` of a package.json; undefined for an empty list. */
export function versionsOf(packages: readonly InstalledPackage[]): Record<string, string> | undefined {
  if (packages.length === 0) return undefined
  const byName = packages.map(({ name, version }) => [name, version] as const)
  return Object.fromEntries(byName.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Writes the files beside a `server.mjs`: assets, package.json, Dockerfile and .dockerignore. */
export async function writeServerFiles(
  context: BuildContext,
  { flags = [], dependencies }: ServerFiles = {},
): Promise<void> {
  const command = ['node', ...flags, 'server.mjs']
  const server = {
    name: context.manifest.name,
    private: true,
    type: 'module',
    engines: { node: '>=24' },
    scripts: { start: command.join(' '), migrate: 'node server.mjs migrate' },
    ...(dependencies === undefined ? {} : withDependencies(dependencies)),
  }
  await context.copyAssets('assets')
  await context.write('package.json', `${JSON.stringify(server, null, 2)}\n`)
  await context.write('Dockerfile', dockerfile(command, dependencies !== undefined))
  await context.write('.dockerignore', dependencies === undefined ? 'data\n' : 'data\nnode_modules\n')
}

/**
 * Returns the package.json fields that install `dependencies`. Later versions of npm run install scripts only
 * of the packages that `allowScripts` names.
 */
export function withDependencies(dependencies: Readonly<Record<string, string>>): object {
  return {
    dependencies,
    allowScripts: Object.fromEntries(Object.keys(dependencies).map((name) => [name, true])),
  }
}

/**
 * Returns the Dockerfile's text. The base image is a build argument, so that a team can pin or mirror its
 * own. The server is PID 1 and handles SIGTERM itself.
 */
function dockerfile(command: readonly string[], installs: boolean): string {
  const data = 'mkdir /data && chown node:node /data'
  const copy = installs
    ? ['COPY package.json .', `RUN npm install --omit=dev --no-audit --no-fund && ${data}`, 'COPY . .']
    : ['COPY . .', `RUN ${data}`]
  return [
    `ARG NODE_IMAGE=${NODE_IMAGE}`,
    'FROM ${NODE_IMAGE}',
    'ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data ADMIN_PORT=9090',
    'WORKDIR /app',
    ...copy,
    'USER node',
    'VOLUME /data',
    'EXPOSE 8080',
    'STOPSIGNAL SIGTERM',
    `HEALTHCHECK --start-period=60s CMD ["node", "-e", ${JSON.stringify(HEALTH)}]`,
    `CMD [${command.map((part) => JSON.stringify(part)).join(', ')}]`,
    '',
  ].join('\n')
}
