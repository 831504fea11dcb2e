import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const files = readdirSync('test', { encoding: 'utf8', recursive: true })
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => join('test', name).replaceAll('\\', '/'))

/** Files that replace modules or change the working directory: each needs a process of its own. */
const isolated = files.filter((file) => /\bvi\.(?:doMock|mock)\(|\bprocess\.chdir\(/u.test(readFileSync(file, 'utf8')))

/** The longest files, longest first: in a fresh clone no earlier run tells how long each takes. */
const longest = ['report/page', 'embedding/pool', 'library/crafted', 'embedding/embedders', 'cli/examples'].map(
  (name) => `test/${name}.test.ts`,
)

/** Starts files that need a process of their own first, and among each kind the long ones, so that none is left at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(specifications: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project, moduleId }: TestSpecification) => {
      const place = longest.findIndex((file) => moduleId.replaceAll('\\', '/').endsWith(file))
      return (project.config.isolate ? 0 : files.length) + (place < 0 ? longest.length : place)
    }
    return (await super.sort(specifications)).sort((a, b) => rank(a) - rank(b))
  }
}

export default defineConfig({
  test: {
    // For hangs; a busy machine takes several times as long as an idle one.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: '100%',
    // `--sequence.shuffle` has its own.
    ...(!process.argv.some((arg) => arg.startsWith('--sequence')) && { sequence: { sequencer: LongestFirst } }),
    projects: [
      { extends: true, test: { name: 'isolated', include: isolated } },
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: isolated,
          isolate: false,
          setupFiles: 'test/keep-threads.ts',
        },
      },
    ],
    // A report to read, `npm run coverage`; no threshold. Threads and the command line run in processes of their own.
    coverage: {
      include: ['src/**/*.ts'],
      exclude: ['src/report/page/**'],
      reporter: ['text', 'html'],
      reportsDirectory: '.cache/coverage',
    },
  },
})
