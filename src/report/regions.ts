// Regions of topics on the map. A region is where the density of the topic's papers (Gaussian kernel on a grid) exceeds that
// of every other topic, so regions do not overlap. Its outline is the contour where the difference is zero.
import { contours } from 'd3-contour'
import type { TimeSlice } from '../runtime/time-slice.ts'
import { colours } from './palette.ts'

/** Width and height of the map; coordinates are integers. */
export const mapSize = 10_000

const grid = 192
/** Density at the edge of a region, as a share of the topic's maximum, where no other topic is denser. */
const edge = 0.14
/** Islands below this share of a region's area are dropped. */
const leastIsland = 0.1

export interface Region {
  /** SVG path in integer units of the map; empty for a topic that is nowhere the densest. */
  readonly outline: string
  /** Place of the label, deep inside the region. */
  readonly anchor: readonly [x: number, y: number]
  /** Position in the palette; nearby topics differ as far as the palette allows. */
  readonly colour: number
}

/**
 * The regions of topics.
 * @param places `rows × 2` in units of the map
 * @param topicOf the topic of each row, from 0 to `count - 1`, or -1
 */
export async function findRegions(
  places: ArrayLike<number>,
  { topicOf, count, slice }: { readonly topicOf: ArrayLike<number>; readonly count: number; readonly slice: TimeSlice },
): Promise<Region[]> {
  const rows = topicOf.length
  // Few papers need wide kernels, or a topic breaks into many regions.
  const width = (0.11 * rows ** -0.24 * grid) | 0 || 1
  const densities: Float32Array[] = []
  for (let topic = 0; topic < count; topic++) {
    const density = new Float32Array(grid * grid)
    for (let row = 0; row < rows; row++)
      if (topicOf[row] === topic) density[cell(places[2 * row + 1]!) * grid + cell(places[2 * row]!)]!++
    // Three box filters approximate a Gaussian (Wells 1986).
    for (let pass = 0; pass < 3; pass++) blur(density, width)
    densities.push(density)
    if (slice.due()) await slice.rest()
  }
  const outlines: string[] = []
  const anchors: [number, number][] = []
  for (let topic = 0; topic < count; topic++) {
    const density = densities[topic]!
    const most = density.reduce((most, value) => Math.max(most, value), 0)
    const least = most * edge
    const lead = new Float64Array(density.length)
    for (let i = 0; i < lead.length; i++) {
      let other = 0
      if (density[i]! > 0)
        for (let rival = 0; rival < count; rival++)
          if (rival !== topic && densities[rival]![i]! > other) other = densities[rival]![i]!
      lead[i] = Math.min(density[i]! - least, density[i]! - other)
    }
    anchors.push(inmost(lead, density))
    outlines.push(most > 0 ? outline(lead) : '')
    if (slice.due()) await slice.rest()
  }
  const colourOf = distinctColours(anchors)
  return anchors.map((anchor, topic) => ({ outline: outlines[topic]!, anchor, colour: colourOf[topic]! }))
}

// The grid extends beyond the map by a tenth on each side, so that outlines close within it.
const cell = (place: number) => Math.round((place / mapSize / 1.2 + 1 / 12) * (grid - 1))
const centre = (index: number) => Math.round((index / (grid - 1) - 1 / 12) * 1.2 * mapSize)

/** Box filter of `2 × width + 1` cells, in both directions, in place. */
function blur(values: Float32Array, width: number): void {
  const line = new Float64Array(grid)
  for (const [along, across] of [
    [1, grid],
    [grid, 1],
  ] as const)
    for (let start = 0; start < grid * across; start += across) {
      let sum = 0
      for (let i = -width; i < grid; i++) {
        if (i + width < grid) sum += values[start + (i + width) * along]!
        if (i > width) sum -= line[i - width - 1]!
        if (i >= 0) {
          line[i] = values[start + i * along]!
          values[start + i * along] = sum / (2 * width + 1)
        }
      }
    }
}

/** The point with most of the region around it; the densest point if there is no region. */
function inmost(lead: Float64Array, density: Float32Array): [number, number] {
  const around = Float32Array.from(lead, (value) => (value > 0 ? 1 : 0))
  for (let pass = 0; pass < 2; pass++) blur(around, grid >> 4)
  let best = -1
  for (let i = 0; i < lead.length; i++) if (lead[i]! > 0 && (best < 0 || around[i]! > around[best]!)) best = i
  if (best < 0) best = density.indexOf(density.reduce((most, value) => Math.max(most, value), 0))
  return [centre(best % grid), centre(Math.floor(best / grid))]
}

/** The zero contour as an SVG path, without specks. */
function outline(lead: Float64Array): string {
  const { coordinates } = contours().size([grid, grid]).contour(Array.from(lead), 0)
  const area = (ring: readonly number[][]) => {
    let sum = 0
    for (let i = 0; i + 1 < ring.length; i++) sum += ring[i]![0]! * ring[i + 1]![1]! - ring[i + 1]![0]! * ring[i]![1]!
    return Math.abs(sum) / 2
  }
  const all = coordinates.reduce((sum, [ring = []]) => sum + area(ring), 0)
  return coordinates
    .filter(([ring = []]) => area(ring) >= leastIsland * all)
    .flatMap((rings) => rings.filter((ring) => area(ring) >= leastIsland * all))
    .map((ring) => {
      // Corners are at cell centres.
      const corners = ring.slice(0, -1).map(([x = 0, y = 0]) => `${centre(x - 0.5)} ${centre(y - 0.5)}`)
      return `M${corners.join('L')}Z`
    })
    .join('')
}

/** Gives nearby topics different colours: each in turn gets the colour whose topics are farthest away. */
function distinctColours(anchors: readonly (readonly [number, number])[]): number[] {
  const chosen: number[] = []
  for (const [topic, [x, y]] of anchors.entries()) {
    const crowding = new Float64Array(colours)
    for (let other = 0; other < topic; other++) {
      const [otherX, otherY] = anchors[other]!
      crowding[chosen[other]!]! += 1 / ((x - otherX) ** 2 + (y - otherY) ** 2 + 1)
    }
    let best = topic % colours
    for (let step = 1; step < colours; step++) {
      const colour = (topic + step) % colours
      if (crowding[colour]! < crowding[best]!) best = colour
    }
    chosen.push(best)
  }
  return chosen
}
