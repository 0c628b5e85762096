import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/{unit,drivers,targets}/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // Tests that kill real servers under load meet a stalled machine now and then; what fails twice fails. Vitest marks what it tried again.
    retry: process.env['CI'] === undefined ? 0 : 1,
    // Two cores: more workers only make the real runtimes slower.
    maxWorkers: 2,
  },
})
