// The mean of SAMPLES x SAMPLES pixels of the larger picture.

uniform sampler2D picture;

out vec4 result;

void main() {
    ivec2 corner = ivec2(gl_FragCoord.xy) * SAMPLES;
    vec4 total = vec4(0.0);
    for (int y = 0; y < SAMPLES; y++) {
        for (int x = 0; x < SAMPLES; x++) total += texelFetch(picture, corner + ivec2(x, y), 0);
    }
    result = total / float(SAMPLES * SAMPLES);
}
