// A packed picture at half the width and height, with weights 1 3 3 1 in both directions.
#include "packed.glsl"

out vec4 result;

// Four halved pixels of one row.
vec4 row(int block, int y) {
    vec4 a = four(2 * block, y);
    vec4 b = four(2 * block + 1, y);
    float before = four(2 * block - 1, y).w;
    float after = four(2 * block + 2, y).x;
    return vec4(
        before + 3.0 * (a.x + a.y) + a.z, a.y + 3.0 * (a.z + a.w) + b.x,
        a.w + 3.0 * (b.x + b.y) + b.z, b.y + 3.0 * (b.z + b.w) + after);
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    int y = 2 * at.y;
    result = (row(at.x, y - 1) + 3.0 * (row(at.x, y) + row(at.x, y + 1)) + row(at.x, y + 2)) / 64.0;
}
