import type { ImageFacts } from '../../facts.ts';
import { parseImageReference } from '../image-reference.ts';
import type { Container, Image } from './messages.ts';

/**
 * Names of images by id, as a list of containers mostly has only ids. One list of images replaces a request for each
 * container: 1,500 of those cost 46 MiB of resident memory for good.
 */
export class ImageNames {
  #byId: ReadonlyMap<string, ImageFacts> = new Map();
  /** Ids that the image list lacked: the image is removed, and only its containers are left. */
  #nameless = new Set<string>();

  /** Whether a list of images may name the image of one of these. */
  areMissing(containers: readonly Container[]): boolean {
    return containers.some((container) => {
      const id = plainId(container.imageRef);
      return needsName(container) && !this.#byId.has(id) && !this.#nameless.has(id);
    });
  }

  learn(images: readonly Image[], containers: readonly Container[]): void {
    this.#byId = new Map(
      images.flatMap((image) => {
        const facts = imageFacts(image);
        return facts ? [[plainId(image.id), facts]] : [];
      }),
    );
    const ids = containers.filter(needsName).map(({ imageRef }) => plainId(imageRef));
    this.#nameless = new Set(ids.filter((id) => !this.#byId.has(id)));
  }

  /** The user's reference goes before the resolved one; either may be only the image's id. */
  find({ image, imageRef }: Container): ImageFacts | undefined {
    const resolved = parseImageReference(imageRef) ?? this.#byId.get(plainId(imageRef));
    const named =
      parseImageReference(image?.userSpecifiedImage) ?? parseImageReference(image?.image) ?? resolved;
    return named && { ...named, ...(resolved?.digest && { digest: resolved.digest }) };
  }
}

function needsName({ imageRef }: Container): boolean {
  return imageRef !== '' && parseImageReference(imageRef) === undefined;
}

function imageFacts({ repoTags, repoDigests }: Image): ImageFacts | undefined {
  const byDigest = parseImageReference(repoDigests[0]);
  const named = parseImageReference(repoTags[0]) ?? byDigest;
  return named && { ...named, ...(byDigest?.digest && { digest: byDigest.digest }) };
}

/** Some runtimes write the algorithm before it, some do not. */
function plainId(id: string): string {
  return id.replace(/^sha256:/, '');
}
