import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { brotliCompressSync, constants } from 'node:zlib'
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
  // Keep old declarations: after a build without them, the examples are still checked against these.
  clean: ['!**/*.d.ts'],
  onSuccess: async () => {
    // What runs where there is no native runtime: a fifth of its size, unpacked in .04 s.
    const { resolve } = createRequire(import.meta.url)
    mkdirSync('dist/wasm', { recursive: true })
    const script = resolve('onnxruntime-web/wasm').replace(/[^/\\]+$/u, 'ort.wasm.bundle.min.mjs')
    // Its source map stays behind.
    writeFileSync('dist/wasm/ort.mjs', readFileSync(script, 'utf8').replace(/\n\/\/# sourceMappingURL=.*/u, ''))
    const wasm = readFileSync(resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))
    const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 }
    writeFileSync('dist/wasm/ort.wasm.br', brotliCompressSync(wasm, { params }))
    // What a report's page is made of: a script and a style sheet that every report carries.
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
