import { culpritAttributes } from '../../src/telemetry/attributes/culprit.ts';
import { findingAttributes, findingEventName } from '../../src/telemetry/attributes/finding.ts';
import { resourceAttributes } from '../../src/telemetry/attributes/resource.ts';
import type { ReceivedLogs } from '../lab/otlp-decode.ts';
import type { Reported } from './scenario.ts';

/** The findings in what an agent exported. */
export function findingsIn(
  requests: readonly { readonly resources: readonly ReceivedLogs[] }[],
): readonly Reported[] {
  return requests.flatMap(({ resources }) =>
    resources.flatMap(({ resource, records }) =>
      records
        .filter(({ eventName }) => eventName === findingEventName)
        .map(({ time, attributes, body }) => ({
          time,
          state: String(attributes[findingAttributes.state.key]),
          victim: String(resource[resourceAttributes.cgroupPath.key]),
          culprit: attributes[culpritAttributes.cgroupPath.key]?.toString(),
          verdict: String(attributes[findingAttributes.verdict.key]),
          share: Number(attributes[findingAttributes.share.key]),
          others: othersOf(attributes[findingAttributes.otherVerdicts.key]),
          trend: attributes[findingAttributes.trend.key]?.toString(),
          body: String(body),
        })),
    ),
  );
}

/** As `verdict part`. */
const othersOf = (texts: unknown) =>
  (Array.isArray(texts) ? texts : []).map((text) => {
    const [verdict = '', share] = String(text).split(' ');
    return { verdict, share: Number(share) };
  });
