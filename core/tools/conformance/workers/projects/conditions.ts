import { equal } from '../cases/tools.ts'
import { type ProjectCase, projectCases } from './project-case.ts'

const half = (name: string): string => `export default ${JSON.stringify(name)}\n`
const packageOf = (name: string, fields: object): string =>
  JSON.stringify({ name, version: '1.0.0', ...fields })

/** Installed packages of a Worker project whose export conditions differ per runtime. */
const FILES: Record<string, string> = {
  // A package with the export conditions of React 18's server build: `worker`, `browser` and `default`.
  'node_modules/like-react/package.json': packageOf('like-react', {
    exports: { './server': { worker: './worker.js', browser: './browser.js', default: './node.cjs' } },
  }),
  'node_modules/like-react/worker.js': 'module.exports = "worker"\n',
  'node_modules/like-react/browser.js': 'module.exports = "browser"\n',
  'node_modules/like-react/node.cjs': 'module.exports = "node"\n',
  'node_modules/by-workerd/package.json': packageOf('by-workerd', {
    type: 'module',
    exports: { node: './node.js', workerd: './workerd.js', worker: './worker.js', default: './any.js' },
  }),
  'node_modules/by-workerd/node.js': half('node'),
  'node_modules/by-workerd/workerd.js': half('workerd'),
  'node_modules/by-workerd/worker.js': half('worker'),
  'node_modules/by-workerd/any.js': half('any'),
  'node_modules/by-kind/package.json': packageOf('by-kind', {
    exports: { import: './import.mjs', require: './require.cjs' },
  }),
  'node_modules/by-kind/import.mjs': half('import'),
  'node_modules/by-kind/require.cjs': 'module.exports = "require"\n',
  'node_modules/requires/package.json': packageOf('requires', { main: './index.cjs' }),
  'node_modules/requires/index.cjs': 'module.exports = require("by-kind")\n',
  'node_modules/by-main/package.json': packageOf('by-main', {
    main: './main.js',
    module: './module.mjs',
    browser: './browser.mjs',
  }),
  'node_modules/by-main/main.js': 'module.exports = "main"\n',
  'node_modules/by-main/module.mjs': half('module'),
  'node_modules/by-main/browser.mjs': half('browser'),
  'node_modules/by-field/package.json': packageOf('by-field', {
    type: 'module',
    main: './index.js',
    browser: { './own.js': './own-browser.js' },
  }),
  'node_modules/by-field/index.js': 'export { default } from "./own.js"\n',
  'node_modules/by-field/own.js': half('own'),
  'node_modules/by-field/own-browser.js': half('own of browsers'),
  'src/index.js': `
import react from 'like-react/server'
import workerd from 'by-workerd'
import kind from 'by-kind'
import required from 'requires'
import main from 'by-main'
import field from 'by-field'
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
export default {
  fetch() {
    return Response.json({ react, workerd, kind, required, main, field,
      buffer: Buffer.from('a').toString('hex'), 
      hash: createHash('md5').update('').digest('hex').slice(0, 4) })
  },
}
`,
}

export const CONDITIONS: ProjectCase[] = projectCases(
  {
    wrangler: {
      name: 'conditions-fixture',
      main: 'src/index.js',
      compatibility_date: '2026-07-01',
      compatibility_flags: ['nodejs_compat'],
    },
    files: FILES,
  },
  [
    [
      '80',
      'packages give the half that they have for Workers, and Node’s built-ins are there',
      async (site) =>
        equal(JSON.parse(await site.text('/')), {
          react: 'worker',
          workerd: 'workerd',
          kind: 'import',
          required: 'require',
          main: 'browser',
          field: 'own of browsers',
          buffer: '61',
          hash: 'd41d',
        }),
    ],
  ],
)
