import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    include: ['test/{unit,drivers,targets}/**/*.test.ts'],
    // Load and duration: `npm run test:slow`.
    exclude: ['**/*.slow.test.ts'],
    // These end what hangs. No test asks by them how long something takes.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
    // Two cores: more workers only make the real runtimes slower.
    maxWorkers: 2,
  },
})
