import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/{unit,drivers,targets}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // Two cores: more workers only make the real runtimes slower.
    maxWorkers: 2,
  },
})
