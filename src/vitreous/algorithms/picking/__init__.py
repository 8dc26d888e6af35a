"""Particle picking: statistics of the background, matched filters, what to avoid, and choice by thresholds.

``reduction.reduce`` reads the pixels once; ``pick.pick`` finds candidates in what it kept, again and again with other
settings; ``choose.choose`` applies thresholds to the candidates.
"""
