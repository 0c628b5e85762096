import { defineConfig } from 'vitest/config'
import { builtPackage } from './built-package.ts'

/** Tests of load and duration, one at a time: `test/README.md` lists them. */
export default defineConfig({
  plugins: [builtPackage()],
  test: {
    globalSetup: ['test/global-setup.ts'],
    include: ['test/**/*.slow.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    maxWorkers: 1,
  },
})
