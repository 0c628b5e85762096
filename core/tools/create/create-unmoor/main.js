#!/usr/bin/env node
// `npm create unmoor my-app` is `unmoor init my-app`: this package only brings the command.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const require = createRequire(import.meta.url)
const file = require.resolve('unmoor/package.json')
process.argv.splice(2, 0, 'init')
await import(pathToFileURL(join(dirname(file), require(file).bin.unmoor)).href)
