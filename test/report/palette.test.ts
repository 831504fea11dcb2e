import { describe, expect, test } from 'vitest'
import { themes } from '../../src/report/palette.ts'

type Triple = readonly [number, number, number]

const linear = (hex: string): Triple => {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return [channel(1), channel(3), channel(5)]
}

/** Relative luminance and contrast: WCAG 2.2, "relative luminance", "contrast ratio". */
const luminance = ([r, g, b]: Triple) => 0.2126 * r + 0.7152 * g + 0.0722 * b
const contrast = (one: string, other: string) => {
  const [light, dark] = [luminance(linear(one)), luminance(linear(other))].sort((a, b) => b - a) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

/** Simulated dichromacy, severity 1 (Machado, Oliveira and Fernandes 2009, table 1); linear RGB. */
const eyes: Readonly<Record<string, readonly Triple[]>> = {
  trichromacy: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

/** Oklab (Ottosson 2020), where equal distances look about equally different. */
function oklab([r, g, b]: Triple): Triple {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

describe.each(['light', 'dark'] as const)('the %s theme', (theme) => {
  const { topics, background, ink, soft, apart } = themes[theme]

  test.each(Object.entries(eyes))('any two topics are distinguishable with %s', (_, matrix) => {
    const seen = topics.map((colour) => {
      const rgb = linear(colour)
      const channels = matrix.map((row) => row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2])
      return oklab(channels.map((value) => Math.min(1, Math.max(0, value))) as unknown as Triple)
    })
    // About five times a just noticeable difference between adjacent patches.
    for (const [i, one] of seen.entries())
      for (const other of seen.slice(0, i))
        expect(Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2])).toBeGreaterThan(0.1)
  })

  test('points stand out from the background, and text more', () => {
    for (const colour of [...topics, apart]) expect(contrast(colour, background)).toBeGreaterThanOrEqual(3)
    for (const colour of [ink, soft]) expect(contrast(colour, background)).toBeGreaterThanOrEqual(4.5)
  })
})
