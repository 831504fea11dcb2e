import { build } from 'esbuild'
import { defineConfig } from 'tsup'

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    cli: 'src/cli/index.ts',
    'embedding-worker': 'src/embedding/worker.ts',
    'vectors-worker': 'src/vectors/worker.ts',
    'topics-worker': 'src/topics/worker.ts',
  },
  format: 'esm',
  target: 'node20',
  platform: 'node',
  dts: { entry: 'src/index.ts' },
  splitting: true,
  sourcemap: true,
  // Declarations stay: a build without them leaves the last ones to the type check of the examples.
  clean: ['!**/*.d.ts'],
  // What a report's page is made of: a script and a style sheet that every report carries.
  onSuccess: async () => {
    await build({
      entryPoints: { report: 'src/report/page/main.ts' },
      outdir: 'dist/page',
      bundle: true,
      minify: true,
      format: 'iife',
      platform: 'browser',
      target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
      charset: 'ascii',
    })
  },
})
