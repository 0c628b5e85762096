import { defineConfig } from 'vitest/config'
import { builtPackage } from './test/built-package.ts'

/** Load and duration: `npm run test:slow`. */
const SLOW = '**/*.slow.test.ts'

/** Unit tests with processes or settings of their own, and those that put a target's globals in place. */
const OWN_WORKER = [
  'test/unit/cli-*.test.ts',
  'test/unit/cloudflare-miniflare.test.ts',
  'test/unit/compare.test.ts',
  'test/unit/cron-replicas.test.ts',
  'test/unit/lambda-*.test.ts',
  'test/unit/node-*.test.ts',
  'test/unit/package.test.ts',
]

export default defineConfig({
  plugins: [builtPackage()],
  test: {
    globalSetup: ['test/global-setup.ts'],
    // These end what hangs. No test asks by them how long something takes.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
    // Two cores: more workers only make the real runtimes slower.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'runtimes',
          include: ['test/{drivers,models,targets}/**/*.test.ts', ...OWN_WORKER],
          exclude: [SLOW],
        },
      },
      {
        extends: true,
        test: {
          name: 'units',
          include: ['test/unit/**/*.test.ts'],
          exclude: [SLOW, ...OWN_WORKER],
          // A worker loads the modules once for all of these files.
          isolate: false,
        },
      },
    ],
  },
})
