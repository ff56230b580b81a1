// An image that is thrown through the volume along z: what light of it reaches the viewer, up to what is opaque, and
// how much of what lies behind it lets through. Places are in angstrom from the viewer.
#include "scene_depth.glsl"

uniform mat4 to_clip[1];
uniform vec4 axes[3];
uniform float nearest;
uniform int reduction;
uniform int most_steps;
// Two rows from x, y, 1 to the texture; the box that the image fills; light per angstrom of way, how much that covers,
// and how many pixels of the image an angstrom has.
uniform vec4 to_texture[2];
uniform vec3 low;
uniform vec3 high;
uniform vec3 strengths;
uniform sampler2D image;

layout(location = 0) out vec4 result;
layout(location = 1) out vec4 weight;

const float STEP_PIXELS = 1.5;
const float NOTHING = 0.004;

// Between which two points of a line (start + t way) a value lies between two others.
vec2 between(float start, float way, float from, float to) {
    if (abs(way) < 1e-9) return start >= from && start <= to ? vec2(-1e30, 1e30) : vec2(1e30, -1e30);
    vec2 ends = (vec2(from, to) - start) / way;
    return vec2(min(ends.x, ends.y), max(ends.x, ends.y));
}

vec2 both(vec2 one, vec2 other) { return vec2(max(one.x, other.x), min(one.y, other.y)); }

void main() {
    ivec2 size = textureSize(depth, 0);
    ivec2 here = min(ivec2(gl_FragCoord.xy) * reduction + reduction / 2, size - 1);
    vec2 clip = (vec2(here) + 0.5) / vec2(size) * 2.0 - 1.0;
    clip -= perspective > 0.5 ? -vec2(to_clip[0][2][0], to_clip[0][2][1]) : vec2(to_clip[0][3][0], to_clip[0][3][1]);
    vec2 slope = clip / vec2(to_clip[0][0][0], to_clip[0][1][1]);
    vec3 aside = slope.x * axes[0].xyz + slope.y * axes[1].xyz;
    vec3 start = perspective > 0.5 ? vec3(0.0) : aside;
    vec3 way = (perspective > 0.5 ? aside : vec3(0.0)) - axes[2].xyz;
    vec2 place = vec2(dot(to_texture[0].xy, start.xy), dot(to_texture[1].xy, start.xy)) + vec2(to_texture[0].z, to_texture[1].z);
    vec2 onwards = vec2(dot(to_texture[0].xy, way.xy), dot(to_texture[1].xy, way.xy));

    vec2 ends = vec2(nearest, in_angstrom(texelFetch(depth, here, 0).r));
    for (int axis = 0; axis < 3; axis++) ends = both(ends, between(start[axis], way[axis], low[axis], high[axis]));
    for (int axis = 0; axis < 2; axis++) ends = both(ends, between(place[axis], onwards[axis], 0.0, 1.0));
    result = vec4(0.0, 0.0, 0.0, 1.0);
    weight = vec4(0.0);
    if (ends.y <= ends.x) return;

    // As fine as the image is, or as the view is where that is coarser; what is between two steps is in the mean that a
    // smaller copy of the image holds.
    float apart = 2.0 * float(reduction) / (abs(to_clip[0][0][0]) * float(size.x));
    float fine = max(apart * strengths.z * (perspective > 0.5 ? 0.5 * (ends.x + ends.y) : 1.0), 1.0);
    float pixels = (ends.y - ends.x) * length(onwards * vec2(textureSize(image, 0)));
    int count = int(clamp(ceil(pixels / (STEP_PIXELS * fine)), 1.0, float(most_steps)));
    float stride = (ends.y - ends.x) / float(count);
    float level = log2(max(fine, pixels / (STEP_PIXELS * float(count))));
    // Neighbours begin elsewhere in their steps, or these would be seen as bands.
    float shift = 0.25 + 0.5 * fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715))));
    float amount = stride * length(way) * strengths.x;
    vec3 light = vec3(0.0);
    float through = 1.0;
    for (int k = 0; k < count && through > NOTHING; k++) {
        vec4 seen = textureLod(image, place + (ends.x + (float(k) + shift) * stride) * onwards, level);
        // What covers something covers also a part of the light of its own step.
        float covered = amount * strengths.y * seen.a;
        float passed = exp(-covered);
        light += through * amount * seen.rgb * (covered > 1e-3 ? (1.0 - passed) / covered : 1.0 - 0.5 * covered);
        through *= passed;
    }
    result = vec4(light, through);
    weight = vec4(1.0 - through);
}
