import { printable } from '../../printable.ts';
import { itemCount } from '../../telemetry/batch.ts';
import type { Frame, ProfilesBatch, ResourceProfile } from '../../telemetry/profiles.ts';
import { hrTime } from '../../telemetry/units.ts';
import type { Rendering } from './rendering.ts';
import { attributeLines, attributesText, timeText } from './text.ts';

export const profiles = (batch: ProfilesBatch): Rendering => ({
  counts: `profiles: profiles=${batch.profiles.length} samples=${itemCount(batch)}`,
  lines: () => batch.profiles.flatMap(lines),
  details: () => batch.profiles.map(details),
});

function lines(profile: ResourceProfile): string[] {
  const { resource, sampleType } = profile;
  const about = attributesText(resource.attributes);
  return samplesOf(profile).map(({ value, stack, attributes }) => {
    const path = stack.map(frameText).join(' < ');
    return `${printable(sampleType.type)}${attributesText(attributes)} ${value} ${printable(sampleType.unit)} ${path} resource${about}\n`;
  });
}

function details(profile: ResourceProfile): string {
  const { resource, sampleType, interval } = profile;
  return [
    `profile ${printable(sampleType.type)} in ${printable(sampleType.unit)}\n`,
    `  time ${timeText(hrTime(interval.start))} – ${timeText(hrTime(interval.end))}\n`,
    `  resource\n${attributeLines(resource.attributes, '    ')}`,
    ...samplesOf(profile).flatMap(({ value, stack, attributes }) => [
      `  sample ${value}\n${attributeLines(attributes, '    ')}`,
      ...stack.map((frame) => `    ${printable(frame.type)} ${frameText(frame)}${placeText(frame)}\n`),
    ]),
  ].join('');
}

const samplesOf = ({ samples, stacks, attributes }: ResourceProfile) =>
  Array.from(samples.value, (value, index) => ({
    value,
    stack: stacks[samples.stack[index] ?? -1] ?? [],
    attributes: attributes[samples.attributes[index] ?? -1] ?? {},
  }));

const frameText = ({ function: name, buildId = '', address = 0n }: Frame) =>
  printable(name ?? `${buildId}+0x${address.toString(16)}`);

const placeText = ({ file, line }: Frame) => {
  if (file === undefined) return '';
  return line === undefined ? ` (${printable(file)})` : ` (${printable(file)}:${line})`;
};
