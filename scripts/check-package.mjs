// Packs the package, checks its contents, installs it in an empty folder with install scripts allowed, and runs the
// main job there with `import`, with `require` and as a bundle; without network on Linux if the system allows that.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const mostBytes = 28e6
/** Maximum bytes of an install on linux-x64, including dependencies. */
const mostInstalled = 150e6
const folder = mkdtempSync(join(tmpdir(), 'paperkin-package-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

// Remove the old build, so that packing must build again.
rmSync(join(root, 'dist'), { recursive: true, force: true })
run('npm', ['pack', '--silent', '--pack-destination', folder], root)
const [archive] = readdirSync(folder)
const bytes = statSync(join(folder, archive)).size
if (bytes > mostBytes) fail(`${archive} has ${(bytes / 1e6).toFixed(1)} MB, more than ${mostBytes / 1e6} MB.`)
console.log(`${archive}: ${(bytes / 1e6).toFixed(1)} MB`)
run('npx', ['--no-install', 'publint', 'run', join(folder, archive), '--strict'], root)
run('npx', ['--no-install', 'attw', join(folder, archive), '--profile', 'esm-only'], root)

const use = `
async function main({ PaperLibrary, parseDigest }) {
  const library = await PaperLibrary.open()
  const { papers } = await parseDigest(JSON.stringify([
    { title: 'Grasping glass', abstract: 'A robot arm learns to grasp transparent objects from depth images.' },
    { title: 'Picking up bottles', abstract: 'Robotic manipulation of transparent bottles with a learned grasp policy.' },
    { title: 'Dust in galaxies', abstract: 'Infrared observations of dust in distant spiral galaxies.' },
  ]))
  await library.add(papers)
  const { hits } = await library.related(papers[0].id, { k: 1 })
  const found = await library.search('astronomy', { k: 1 })
  const { count } = await library.topics()
  await library.close()
  if (hits[0].paper.title !== 'Picking up bottles' || found.hits[0].paper.title !== 'Dust in galaxies' || count < 1)
    throw new Error('the main job gave a wrong answer')
}`
writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
writeFileSync(join(folder, 'imported.mjs'), `import * as paperkin from 'paperkin'\n${use}\nawait main(paperkin)\n`)
writeFileSync(join(folder, 'required.cjs'), `${use}\nmain(require('paperkin'))\n`)
run('npm', ['install', '--ignore-scripts=false', '--no-audit', '--no-fund', '--loglevel=error', `./${archive}`], folder)

const packages = Object.entries(JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages).slice(1)
const withScripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path)
if (withScripts.length > 0) fail(`Expected no package with an install script, got ${withScripts.join(', ')}.`)
const installed = bytesOf(join(folder, 'node_modules'))
console.log(`${packages.length} packages, ${(installed / 1e6).toFixed(0)} MB, no install script`)
if (installed > mostInstalled) fail(`An install takes more than ${mostInstalled / 1e6} MB.`)

const packed = join(folder, 'node_modules', 'paperkin')
const manifest = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'))
for (const field of ['repository', 'homepage', 'bugs', 'license', 'engines'])
  if (manifest[field] === undefined) fail(`package.json has no \`${field}\`.`)
const named = [manifest.exports['.'].types, manifest.exports['.'].default, ...Object.values(manifest.bin)]
// Documents for contributors are not packed; links to them on npm lead to the repository.
const ofRepository = [
  ...['ARCHITECTURE.md', 'BENCHMARKS.md', 'CONTRIBUTING.md', 'docs/decisions', 'docs/postgres.md'],
  ...readdirSync(join(root, 'docs/decisions')).map((name) => `docs/decisions/${name}`),
]
const documents = ['README.md', 'CHANGELOG.md', ...ofRepository.filter((name) => name.endsWith('.md'))]
const linked = []
for (const name of documents) {
  const links = [...readFileSync(join(root, name), 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/gu)]
  const paths = links.map(([, path]) => join(dirname(name), path).replaceAll('\\', '/'))
  if (ofRepository.includes(name)) linked.push(...paths)
  else named.push(...paths.filter((path) => !ofRepository.includes(path)))
}
const inRepository = documents.flatMap((name) =>
  [
    ...readFileSync(join(root, name), 'utf8').matchAll(
      /(?<![\w/])(?:scripts|models|examples|test|native|bench(?!\/results))\/[\w./-]*\w/gu,
    ),
  ].map(([path]) => path),
)
const gone = [...linked, ...inRepository].filter((path) => !existsSync(join(root, path)))
if (gone.length > 0) fail(`The documents name ${gone.join(', ')}, which are not there.`)
const missing = named.filter((path) => !existsSync(join(packed, path)))
if (missing.length > 0) fail(`Expected the packed package to have ${missing.join(', ')}.`)
console.log(`${named.length} paths that package.json and the documents name are there`)
for (const platform of ['linux', 'darwin', 'win32'])
  for (const arch of ['x64', 'arm64'])
    if (!existsSync(join(packed, 'native', `${platform}-${arch}.node`))) fail(`No binding for ${platform}-${arch}.`)

// A bundle finds the package's files if the package is still installed, and says what to do if not.
const bundle = ['--no-install', 'esbuild', join(folder, 'required.cjs'), '--bundle', '--platform=node']
run('npx', [...bundle, '--log-level=error', `--outfile=${join(folder, 'bundled.cjs')}`], root)
const offline = spawnSync('unshare', ['-rn', 'true']).status === 0 ? ['unshare', '-rn'] : []
for (const file of ['imported.mjs', 'required.cjs', 'bundled.cjs']) {
  const [command, ...args] = [...offline, process.execPath, file]
  run(command, args, folder)
  console.log(`${file} ran ${offline.length > 0 ? 'with the network off' : 'with the network on'}`)
}

rmSync(join(folder, 'node_modules'), { recursive: true })
const alone = spawnSync(process.execPath, ['bundled.cjs'], { cwd: folder, encoding: 'utf8' })
if (alone.status === 0 || !/mark `paperkin` as external/u.test(alone.stderr))
  fail(`Expected a bundle without the package to say what to do, got:\n${alone.stdout}${alone.stderr}`)
console.log('a bundle without the package says what to do')

function bytesOf(path) {
  const { size, blocks } = statSync(path)
  if (!statSync(path).isDirectory()) return blocks === undefined ? size : blocks * 512
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0)
}

function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (status !== 0) fail(`${command} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`)
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
