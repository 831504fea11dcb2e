import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    cli: 'src/cli/index.ts',
    'embedding-worker': 'src/embedding/worker.ts',
    'vectors-worker': 'src/vectors/worker.ts',
  },
  format: 'esm',
  target: 'node20',
  platform: 'node',
  dts: { entry: 'src/index.ts' },
  splitting: true,
  sourcemap: true,
  // Declarations stay: a build without them leaves the last ones to the type check of the examples.
  clean: ['!**/*.d.ts'],
})
