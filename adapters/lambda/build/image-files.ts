import { createHash } from 'node:crypto'
import type { Bundle, BuildContext } from '../../../core/adapter.ts'
import { NODE_IMAGE, versionsOf, withDependencies } from '../../node-server/build/files.ts'
import { readAppFiles } from './app-files.ts'
import { createTar } from './tar.ts'

/**
 * Writes the Dockerfile of the Lambda image and the files that it copies. The app is one tar, which is
 * identical for identical input.
 */
export async function writeImageFiles(context: BuildContext, bundle: Bundle): Promise<void> {
  const tar = createTar(
    (await readAppFiles(context.outDir, bundle.files)).map(({ path, data }) => ({
      path: `var/task/${path}`,
      mode: 0o644,
      data,
    })),
  )
  const dependencies = versionsOf(bundle.packages)
  await context.write('app.tar', tar)
  await context.write('collect.mjs', COLLECT)
  await context.write('Dockerfile', dockerfile(dependencies !== undefined))
  await context.write(
    '.dockerignore',
    `*\n!app.tar\n!collect.mjs\n${dependencies === undefined ? '' : '!package.json\n'}`,
  )
  if (dependencies !== undefined) {
    const { name } = context.manifest
    const json = { name, private: true, type: 'module', ...withDependencies(dependencies) }
    await context.write('package.json', `${JSON.stringify(json, null, 2)}\n`)
  }
  const digest = createHash('sha256').update(tar).digest('hex')
  context.log.info(`app layer: ${(tar.byteLength / 1000).toFixed(0)} kB, sha256:${digest.slice(0, 12)}`)
}

/**
 * Returns the Dockerfile of the Lambda image. The app is added as a tar and not by COPY, because on some
 * builders COPY keeps the times of the building machine, which changes the layer's digest. The tar contains
 * its folders, so that WORKDIR creates none. The image installs packages with machine code, for its own
 * platform.
 */
function dockerfile(installs: boolean): string {
  const modules = '/var/task/node_modules'
  const stage = `# Packages with machine code, for this image's own platform.
FROM \${BASE} AS packages
WORKDIR /var/task
COPY package.json .
RUN npm install --omit=dev --no-audit --no-fund

`
  const copied = installs ? `COPY --from=packages ${modules} ${modules}\n` : ''
  return `# Any image that has Node.js 24 or newer as "node".
ARG BASE=${NODE_IMAGE}
FROM \${BASE} AS node
COPY collect.mjs /tmp/collect.mjs
RUN ["node", "/tmp/collect.mjs", "/image"]

${installs ? stage : ''}# For AWS's own base image and client: docker build --target aws --build-arg BASE=(their image)
FROM \${BASE} AS aws
ADD app.tar /
${copied}CMD ["index.handler"]

# Node.js, the libraries that it loads, and the app: no shell and no package manager.
FROM scratch
COPY --from=node /image /
ADD app.tar /
${copied}ENV NODE_ENV=production
WORKDIR /var/task
# Any user without rights will do; Lambda runs the image as one of its own.
USER 993:990
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/node", "/var/task/index.mjs"]
`
}

/** Script for the first stage of the Lambda image, where only Node.js is sure to be installed. */
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
