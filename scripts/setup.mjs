// Prepares a fresh checkout: node scripts/setup.mjs start | test. Skips steps that are already done.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const goal = process.argv[2]
const path = (...parts) => join(root, ...parts)

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19))
  fail(`paperkin needs Node 20.19 or newer, this is ${process.versions.node}.`)

// Packages, without their install scripts: none is needed, and one downloads a GPU library.
const wanted = createHash('sha256')
  .update(readFileSync(path('package-lock.json')))
  .digest('hex')
const stamp = path('node_modules', '.paperkin-setup')
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('Installing packages …')
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(stamp, wanted)
}

// The optional HNSW index needs a compiler; its tests are skipped without it.
const addon = path('node_modules', 'hnswlib-node', 'build', 'Release', 'addon.node')
if (goal === 'test' && !existsSync(addon)) {
  console.error('Compiling hnswlib-node (optional) …')
  const { status } = spawnSync('npm', ['rebuild', 'hnswlib-node', '--loglevel=error'], {
    cwd: root,
    stdio: 'ignore',
    shell: process.platform === 'win32',
  })
  if (status !== 0 || !existsSync(addon))
    console.error('It did not compile here: the tests of the HNSW index will be skipped.')
}

// The build, if a source is newer. Without type declarations: they take most of the time, and neither goal needs them.
const newest = (entry) =>
  statSync(entry).isDirectory()
    ? Math.max(...readdirSync(entry).map((name) => newest(join(entry, name))), 0)
    : statSync(entry).mtimeMs
const built = path('dist', 'cli.js')
const sources = ['src', 'tsup.config.ts', 'tsconfig.json', 'package.json'].map((name) => newest(path(name)))
if (!existsSync(built) || Math.max(...sources) > statSync(built).mtimeMs) {
  console.error('Building …')
  run('npx', ['--no-install', 'tsup', '--no-dts', '--silent'])
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', process.stderr.fd, process.stderr.fd],
    shell: process.platform === 'win32',
  })
  if (status !== 0) fail(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}.`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
