#!/usr/bin/env node
// The version check of the CLI must run on an old Node, so all other modules are imported after it.
const [major = 0] = process.versions.node.split('.').map(Number)
if (major < 24) {
  process.stderr.write(
    `unmoor needs Node 24 or newer; this is Node ${process.versions.node} ` +
      `(${process.execPath}).\nInstall a newer one from https://nodejs.org, or in this project: npm ` +
      `install --save-dev node@24\n`,
  )
  process.exitCode = 2
} else {
  // A reader that closes the pipe of stdout early (`unmoor ... | head`) is not a failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit()
  })
  const { run } = await import('./program.ts')
  process.exitCode = await run(process.argv.slice(2))
}
