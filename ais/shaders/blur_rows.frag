// A blur along the rows of a packed picture: each neighbour times a matrix of weights.
#include "packed.glsl"

out vec4 result;
uniform mat4 weights[MAX_BLOCKS * 2 + 1];

#if EDGE
uniform int blocks;
#else
// A loop of known length is unrolled: several times faster on a processor.
const int blocks = BLOCKS;
#endif

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 sum = vec4(0.0);
    for (int i = -blocks; i <= blocks; i++) {
        sum += weights[i + blocks] * four(at.x + i, at.y);
    }
    result = sum;
}
