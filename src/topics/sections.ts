// Sections of a digest along the tree of the atlas, as deep as its papers allow. Communities of few papers have neither
// a reliable number nor reliable names, but the atlas knows the subject of each paper. Choosing the nodes that become
// sections is a facility location problem (Cornuejols, Nemhauser and Wolsey 1990): the value of a section is the
// probability that papers belong there, weighted by its depth; its cost is the value of a few papers. Solved greedily;
// sections that no longer pay are closed. Deterministic.
import { type Atlas, type AtlasLevel, atlasLevels, type Memberships } from '../atlas/atlas.ts'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { type KinList, nearestGroup } from './kin-graph.ts'

// Value of a paper to a section by level: the gain times the probability p that it belongs there, minus `wrong` times
// 1 - p, plus `placed` if p is above `likely`.
const gains: Readonly<Record<AtlasLevel, number>> = {
  area: 1.2,
  field: 0.95,
  division: 0.85,
  discipline: 0.3,
  domain: 0.1,
}
const wrong = 0.25
const placed = 0.2
const likely = 0.3
// Cost of a section; rises in proportion from `costFrom` papers on, so that sections of large digests grow too.
const cost = 0.3
const costFrom = 150
// Minimum probability for a paper in a section: `certain`, and `certainAlone` without regard to the other papers.
const certain = 0.5
const certainAlone = 0.3
// Minimum for papers that would otherwise be in a wide section.
const nearlyCertain = 0.33
// Papers that share only a domain are not a useful section unless there are many.
const fewestOfDomain = 5
const shareOfDomain = 1 / 8
// Weight of a paper's nearest kin in its own subject, and exponent of the subject's share among all papers.
const kinWeight = 0.2
const kinLooked = 5
const leastKinship = 0.2
const digestExponent = 0.25
// Sections with more papers than both of these are divided if possible.
const crowded = 12
const crowdedShare = 1 / 8

/** Groups of rows along the tree. */
export interface Sections {
  /** The group of each row, numbered without gaps; rows in `apart` have the group of their nearest kin. */
  readonly groupOf: Int32Array
  /** The node of each group. */
  readonly nodes: readonly number[]
  /** Rows that fit no section, in order. */
  readonly apart: readonly number[]
}

/** Finds sections; undefined if none is found, or more than half of the rows fit none. */
export async function findSections(
  memberships: Memberships,
  {
    atlas,
    kin,
    least,
    slice,
  }: { readonly atlas: Atlas; readonly kin: KinList; readonly least: number; readonly slice: TimeSlice },
): Promise<Sections | undefined> {
  const { rows } = memberships
  const chances = await nodeChances(memberships, { atlas, kin, slice })
  const price = cost * Math.max(1, rows / costFrom)
  const utilities = new Map<number, Utility>()
  for (const [node, chance] of chances) {
    const gain = gains[atlas.nodes[node]!.level]
    const utility = new Map<number, number>()
    let sum = 0
    for (const [row, p] of chance.entries()) {
      const value = p * gain - (1 - p) * wrong + (p > likely ? placed : 0)
      if (value <= 0) continue
      utility.set(row, value)
      sum += value
    }
    if (sum > price) utilities.set(node, utility)
    if (slice.due()) await slice.rest()
  }
  const open = await chooseNodes(utilities, { rows, price, slice })
  const nodeOf = assign(open, { rows, utilities, chances, least })
  divideCrowded(nodeOf, { atlas, chances, least: Math.max(least, rows > 100 ? 4 : 3) })
  gatherRest(nodeOf, { atlas, chances, least })
  const nodes = [...new Set(nodeOf)].filter((node) => node >= 0).sort((a, b) => a - b)
  const apart = [...nodeOf.keys()].filter((row) => nodeOf[row]! < 0)
  if (nodes.length === 0 || apart.length > rows / 2) return undefined
  return { groupOf: withNearest(nodeOf, { nodes, kin }), nodes, apart }
}

/** Probabilities of rows, by node of the tree in ascending order; nodes without any are left out. */
async function nodeChances(
  { rows, width, area, share }: Memberships,
  { atlas, kin, slice }: { readonly atlas: Atlas; readonly kin: KinList; readonly slice: TimeSlice },
): Promise<Map<number, Float64Array>> {
  const { areas, firstArea, nodes } = atlas
  const own = Array.from({ length: rows }, (_, row) => {
    const shares = new Map<number, number>()
    for (let i = row * width; i < (row + 1) * width; i++) shares.set(area[i]!, share[i]!)
    return shares
  })
  const fieldOf = Int32Array.from({ length: areas }, (_, i) => nodes[firstArea + i]!.parent)
  const disciplineOf = Int32Array.from(fieldOf, (field) => atlas.above(field, 'discipline'))
  // Mix in the subjects of the nearest kin.
  const shares = own.map((mine, row) => {
    const mixed = new Map<number, number>()
    let all = 0
    for (let rank = 0; rank < Math.min(kinLooked, kin.k); rank++)
      all += Math.max(0, kin.similarity[row * kin.k + rank]! - leastKinship)
    const part = all > 0 ? kinWeight : 0
    for (const [key, value] of mine) mixed.set(key, (1 - part) * value)
    for (let rank = 0; part > 0 && rank < Math.min(kinLooked, kin.k); rank++) {
      const weight = Math.max(0, kin.similarity[row * kin.k + rank]! - leastKinship)
      if (weight === 0) continue
      for (const [key, value] of own[kin.neighbour[row * kin.k + rank]!]!)
        mixed.set(key, (mixed.get(key) ?? 0) + (part * weight * value) / all)
    }
    return mixed
  })
  if (slice.due()) await slice.rest()
  const alone = byNode(shares, { atlas, rows })
  // A field with more papers in the digest is more likely.
  for (let round = 0; round < 2; round++)
    for (const above of [fieldOf, disciplineOf]) {
      const day = new Map<number, number>()
      for (const mine of shares)
        for (const [key, value] of mine) day.set(above[key]!, (day.get(above[key]!) ?? 0) + value / rows)
      for (const mine of shares) {
        let sum = 0
        for (const [key, value] of mine) {
          const likelier = value * ((day.get(above[key]!) as number) + 0.5 / rows) ** (digestExponent / 2)
          mine.set(key, likelier)
          sum += likelier
        }
        for (const [key, value] of mine) mine.set(key, value / sum)
      }
      if (slice.due()) await slice.rest()
    }
  const chances = byNode(shares, { atlas, rows })
  // A node that is unlikely without the other papers, or outside the likeliest field or discipline, is never certain.
  const likeliest = {
    field: best('field', chances, { atlas, rows }),
    discipline: best('discipline', chances, { atlas, rows }),
  }
  for (const [node, chance] of chances) {
    const { level } = nodes[node]!
    const needed = level === 'area' ? certain : certainAlone
    for (let row = 0; row < rows; row++) {
      const own = (level === 'discipline' || level === 'domain' ? likeliest.discipline : likeliest.field)[row]!
      const isOwn = level === 'area' ? nodes[node]!.parent === own : atlas.isWithin(own, node)
      if (!isOwn || chanceOf(alone, node, row) < needed) chance[row] = Math.min(chance[row]!, certain / 2)
    }
  }
  return chances
}

/** The likeliest node of a level for each row; -1 for none. */
function best(
  level: AtlasLevel,
  chances: ReadonlyMap<number, Float64Array>,
  { atlas, rows }: { readonly atlas: Atlas; readonly rows: number },
): Int32Array {
  const found = new Int32Array(rows).fill(-1)
  const most = new Float64Array(rows)
  for (const [node, chance] of chances) {
    if (atlas.nodes[node]!.level !== level) continue
    for (let row = 0; row < rows; row++)
      if (chance[row]! > most[row]!) {
        most[row] = chance[row]!
        found[row] = node
      }
  }
  return found
}

/** Turns the shares of areas by row into probabilities by node of the tree, in ascending order. */
function byNode(
  shares: readonly ReadonlyMap<number, number>[],
  { atlas: { firstArea, nodes }, rows }: { readonly atlas: Atlas; readonly rows: number },
): Map<number, Float64Array> {
  const chances = new Map<number, Float64Array>()
  for (const [row, mine] of shares.entries())
    for (const [key, value] of mine)
      for (let node = firstArea + key; node >= 0; node = nodes[node]!.parent) {
        let chance = chances.get(node)
        if (chance === undefined) {
          chance = new Float64Array(rows)
          chances.set(node, chance)
        }
        chance[row]! += value
      }
  return new Map([...chances].sort(([a], [b]) => a - b))
}

/** Value of a section at a node by row; only positive values. */
type Utility = ReadonlyMap<number, number>

/** Opens nodes one by one, the greatest gain first, and closes those no longer worth their price. */
async function chooseNodes(
  utilities: ReadonlyMap<number, Utility>,
  { rows, price, slice }: { readonly rows: number; readonly price: number; readonly slice: TimeSlice },
): Promise<number[]> {
  const open: number[] = []
  // For each row: the value of its best and second-best open node, and the best node.
  const best = new Float64Array(rows)
  const second = new Float64Array(rows)
  const owner = new Int32Array(rows)
  const settle = () => {
    best.fill(0)
    second.fill(0)
    owner.fill(-1)
    for (const node of open)
      for (const [row, value] of utilities.get(node) as Utility) {
        if (value > best[row]!) {
          second[row] = best[row]!
          best[row] = value
          owner[row] = node
        } else if (value > second[row]!) second[row] = value
      }
  }
  // Closed nodes may open again; the limit guarantees an end.
  for (let step = 0; step < 4 * rows; step++) {
    let most = price
    let next = -1
    for (const [node, utility] of utilities) {
      if (open.includes(node)) continue
      let gain = 0
      for (const [row, value] of utility) if (value > best[row]!) gain += value - best[row]!
      if (gain > most + 1e-9) {
        most = gain
        next = node
      }
    }
    if (next < 0) break
    open.push(next)
    settle()
    for (;;) {
      const losses = new Map(open.map((node) => [node, 0]))
      for (let row = 0; row < rows; row++) {
        const loss = losses.get(owner[row]!)
        if (loss !== undefined) losses.set(owner[row]!, loss + best[row]! - second[row]!)
      }
      let least = open[0]!
      for (const node of open) if ((losses.get(node) as number) < (losses.get(least) as number)) least = node
      if ((losses.get(least) as number) >= price - 1e-9) break
      open.splice(open.indexOf(least), 1)
      settle()
    }
    if (slice.due()) await slice.rest()
  }
  return open
}

interface Chances {
  readonly chances: ReadonlyMap<number, Float64Array>
  readonly least: number
}

/** The node of each row, -1 if none is likely enough; nodes with fewer than `least` rows are closed. */
function assign(
  open: readonly number[],
  {
    rows,
    utilities,
    chances,
    least,
  }: Chances & { readonly rows: number; readonly utilities: ReadonlyMap<number, Utility> },
): Int32Array {
  const left = [...open].sort((a, b) => a - b)
  for (;;) {
    const nodeOf = new Int32Array(rows).fill(-1)
    const worth = new Map(left.map((node) => [node, { size: 0, sum: 0 }]))
    for (let row = 0; row < rows; row++) {
      let most = 0
      for (const node of left) {
        const utility = utilities.get(node)?.get(row) ?? 0
        if (utility > most + 1e-9 && chanceOf(chances, node, row) >= certain) {
          most = utility
          nodeOf[row] = node
        }
      }
      const own = worth.get(nodeOf[row]!)
      if (own === undefined) continue
      own.size++
      own.sum += most
    }
    const small = left.filter((node) => (worth.get(node)?.size ?? 0) < least)
    if (small.length === 0) return nodeOf
    const sums = small.map((node) => worth.get(node)?.sum ?? 0)
    left.splice(left.indexOf(small[sums.indexOf(Math.min(...sums))]!), 1)
  }
}

const chanceOf = (chances: ReadonlyMap<number, Float64Array>, node: number, row: number) =>
  chances.get(node)?.[row] ?? 0

/** Splits narrower sections off crowded ones: those nearest to half the limit in size first. */
function divideCrowded(nodeOf: Int32Array, { atlas, chances, least }: Chances & { readonly atlas: Atlas }): void {
  const most = Math.max(crowded, Math.round(crowdedShare * nodeOf.length))
  const rowsOf = (node: number) => [...nodeOf.keys()].filter((row) => nodeOf[row] === node)
  const waiting = [...new Set(nodeOf)].filter((node) => node >= 0).sort((a, b) => a - b)
  for (let outer = waiting.shift(); outer !== undefined; outer = waiting.shift()) {
    for (let rows = rowsOf(outer); rows.length > most; rows = rowsOf(outer)) {
      let found: { readonly node: number; readonly rows: readonly number[]; readonly level: number } | undefined
      for (const node of chances.keys()) {
        if (node === outer || !atlas.isWithin(node, outer)) continue
        const within = rows.filter((row) => chanceOf(chances, node, row) >= certain)
        // The remainder must be empty (a narrower name for all rows, used only if nothing splits) or large enough.
        const rest = rows.length - within.length
        if (within.length < least || (rest > 0 && rest < least)) continue
        const level = rest === 0 ? -1 : 0
        if (
          found === undefined ||
          level > found.level ||
          (level === found.level && Math.abs(within.length - most / 2) < Math.abs(found.rows.length - most / 2))
        )
          found = { node, rows: within, level }
      }
      if (found === undefined) break
      for (const row of found.rows) nodeOf[row] = found.node
      if (found.rows.length > most) waiting.push(found.node)
    }
  }
}

/**
 * Moves rows without a section, or with one as wide as a discipline, to a narrower one if it has enough rows; else to
 * one of their discipline or domain.
 */
function gatherRest(nodeOf: Int32Array, { atlas, chances, least }: Chances & { readonly atlas: Atlas }): void {
  const width = (node: number) => (node < 0 ? -1 : atlasLevels.indexOf(atlas.nodes[node]!.level))
  const isWide = (node: number) => width(node) <= atlasLevels.indexOf('discipline')
  for (const level of ['field', 'division', 'discipline', 'domain'] as const) {
    const needed = level === 'domain' ? certain : nearlyCertain
    const likeliest = best(level, chances, { atlas, rows: nodeOf.length })
    const gathered = new Map<number, number[]>()
    for (const row of nodeOf.keys()) {
      if (!isWide(nodeOf[row]!) || width(nodeOf[row]!) >= atlasLevels.indexOf(level)) continue
      const node = likeliest[row]!
      if (chanceOf(chances, node, row) >= needed) gathered.set(node, [...(gathered.get(node) ?? []), row])
    }
    const fewest = fewestOf(level, { least, rows: nodeOf.length })
    for (const [node, rows] of gathered)
      if (rows.length >= fewest || nodeOf.includes(node)) for (const row of rows) nodeOf[row] = node
  }
  // Close wide sections left with too few rows.
  for (const node of new Set(nodeOf))
    if (
      node >= 0 &&
      isWide(node) &&
      nodeOf.filter((one) => one === node).length < fewestOf(atlas.nodes[node]!.level, { least, rows: nodeOf.length })
    )
      for (const row of nodeOf.keys()) if (nodeOf[row] === node) nodeOf[row] = -1
}

const fewestOf = (level: AtlasLevel, { least, rows }: { readonly least: number; readonly rows: number }) =>
  level === 'domain' ? Math.max(least, fewestOfDomain, shareOfDomain * rows) : least

/** Numbers groups by their nodes; a row without a node gets the group of its nearest kin that has one, or the first. */
function withNearest(
  nodeOf: Int32Array,
  { nodes, kin }: { readonly nodes: readonly number[]; readonly kin: KinList },
): Int32Array {
  const numberOf = new Map(nodes.map((node, number) => [node, number]))
  const groupOf = nodeOf.map((node) => numberOf.get(node) ?? -1)
  return groupOf.map((group, row) => (group >= 0 ? group : nearestGroup(row, groupOf, kin)))
}
