import { createHash } from 'node:crypto'
import type { BuildContext } from '../../../core/adapter.ts'
import { NODE_IMAGE } from '../../node-server/build/files.ts'
import { readAppFiles } from './app-files.ts'
import { createTar } from './tar.ts'

/** Writes the Dockerfile and what it copies: the app as one tar, the same for the same input. */
export async function writeImageFiles(context: BuildContext): Promise<void> {
  const tar = createTar(
    (await readAppFiles(context.outDir)).map(({ path, data }) => ({
      path: `var/task/${path}`,
      mode: 0o644,
      data,
    })),
  )
  await context.write('app.tar', tar)
  await context.write('collect.mjs', COLLECT)
  await context.write('Dockerfile', DOCKERFILE)
  await context.write('.dockerignore', '*\n!app.tar\n!collect.mjs\n')
  const digest = createHash('sha256').update(tar).digest('hex')
  context.log.info(`app layer: ${(tar.byteLength / 1000).toFixed(0)} kB, sha256:${digest.slice(0, 12)}`)
}

/**
 * A tar, and not COPY, for the app: COPY keeps the building machine's times on some builders, which changes
 * the layer's digest. Its folders are in it, so that WORKDIR makes none.
 */
const DOCKERFILE = `# Any image that has Node.js 24 or newer as "node".
ARG BASE=${NODE_IMAGE}
FROM \${BASE} AS node
COPY collect.mjs /tmp/collect.mjs
RUN ["node", "/tmp/collect.mjs", "/image"]

# For AWS's own base image and client: docker build --target aws --build-arg BASE=(their image)
FROM \${BASE} AS aws
ADD app.tar /
CMD ["index.handler"]

# Node.js, the libraries that it loads, and the app: no shell and no package manager.
FROM scratch
COPY --from=node /image /
ADD app.tar /
ENV NODE_ENV=production
WORKDIR /var/task
# Any user without rights will do; Lambda runs the image as one of its own.
USER 993:990
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/node", "/var/task/index.mjs"]
`

/** Runs in the first stage, where only Node.js is sure to be. */
const COLLECT = `// Copies Node.js and the libraries that it loads to the folder that is named, with times that are the
// same in every build.
import { chmodSync, copyFileSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = process.argv[2]
const place = (path) => {
  mkdirSync(dirname(root + path), { recursive: true })
  return root + path
}
const { sharedObjects } = process.report.getReport()
for (const path of sharedObjects)
  if (path.startsWith('/') && path !== process.execPath) copyFileSync(path, place(path))
copyFileSync(process.execPath, place('/usr/local/bin/node'))
chmodSync(root + '/usr/local/bin/node', 0o755)
writeFileSync(place('/etc/passwd'), 'app:x:993:990::/tmp:/\\n')
writeFileSync(place('/etc/nsswitch.conf'), 'hosts: files dns\\n')
mkdirSync(root + '/tmp')
chmodSync(root + '/tmp', 0o1777)
for (const path of readdirSync(root, { recursive: true }).reverse()) utimesSync(join(root, path), 0, 0)
`
