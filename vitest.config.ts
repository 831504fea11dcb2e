import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: '100%',
    // A report to read, `npm run coverage`; no threshold. Threads and the command line run in processes of their own.
    coverage: {
      include: ['src/**/*.ts'],
      exclude: ['src/report/page/**'],
      reporter: ['text', 'html'],
      reportsDirectory: '.cache/coverage',
    },
  },
})
