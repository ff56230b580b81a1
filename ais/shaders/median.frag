// The median of a square of WIDTH x WIDTH pixels (3 or 5). SORTING is a list of exchanges, E(v0, v1) E(v2, v3)
// ..., after which MIDDLE, one of the values, is the median; written out, as arrays are slow on a processor.
#include "window.glsl"
#include "mixed.glsl"

out vec4 result;

#define E(a, b) t = min(a, b); b = max(a, b); a = t;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 row[5];
    vec4 t;
#if WIDTH == 3
    shifted(at.x, at.y - 1, row);
    vec4 v0 = row[1], v1 = row[2], v2 = row[3];
    shifted(at.x, at.y, row);
    vec4 v3 = row[1], v4 = row[2], v5 = row[3];
    shifted(at.x, at.y + 1, row);
    vec4 v6 = row[1], v7 = row[2], v8 = row[3];
#else
    shifted(at.x, at.y - 2, row);
    vec4 v0 = row[0], v1 = row[1], v2 = row[2], v3 = row[3], v4 = row[4];
    shifted(at.x, at.y - 1, row);
    vec4 v5 = row[0], v6 = row[1], v7 = row[2], v8 = row[3], v9 = row[4];
    shifted(at.x, at.y, row);
    vec4 v10 = row[0], v11 = row[1], v12 = row[2], v13 = row[3], v14 = row[4];
    shifted(at.x, at.y + 1, row);
    vec4 v15 = row[0], v16 = row[1], v17 = row[2], v18 = row[3], v19 = row[4];
    shifted(at.x, at.y + 2, row);
    vec4 v20 = row[0], v21 = row[1], v22 = row[2], v23 = row[3], v24 = row[4];
#endif
    SORTING
    result = mixed(MIDDLE);
}
