// A symmetric blur along the columns of a packed picture.
#include "packed.glsl"
#include "mixed.glsl"

out vec4 result;
uniform float weights[MAX_RADIUS + 1];

#if EDGE
uniform int radius;
#else
// A loop of known length is unrolled: several times faster on a processor.
const int radius = RADIUS;
#endif

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 sum = weights[0] * four(at.x, at.y);
    for (int i = 1; i <= radius; i++) {
        sum += weights[i] * (four(at.x, at.y - i) + four(at.x, at.y + i));
    }
    result = mixed(sum);
}
